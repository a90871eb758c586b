import type { AcommUrl } from "@acomm/protocol";

/** A URL as an error names it: without its query, which may hold what is secret. */
export function nameOf(url: AcommUrl): string {
  return url.search === "" ? url.href : url.href.slice(0, url.href.indexOf("?"));
}
