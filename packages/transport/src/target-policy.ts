import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { normalize } from "node:path";

/** What a URL out of a message is wanted for: to send a response to, or to read a stream from. */
export type TargetPurpose = "response" | "stream";

/** Decides whether a URL that came in a message may be opened. What it throws counts as no. */
export type TargetPolicy = (url: AcommUrl, purpose: TargetPurpose) => boolean | Promise<boolean>;

/** What {@link admitTargets} admits. */
export interface AdmittedTargets {
  /** Origins such as `https://example.com` or `http://127.0.0.1:8080`, compared after normalisation. @default none */
  readonly origins?: readonly (string | URL)[] | undefined;
  /** Directories whose sockets, at any depth, are admitted. @default every unix socket */
  readonly socketDirectories?: readonly string[] | undefined;
  /** Further schemes of your own transports. @default none */
  readonly schemes?: readonly string[] | undefined;
}

/**
 * A policy from lists. Without options it admits unix sockets, which the file system guards, and nothing else; so does
 * everything that takes a policy and gets none. Paths are compared as text: links are not followed.
 *
 * @throws AcommError `bad_field` for an origin that is not of http or https
 */
export function admitTargets(targets: AdmittedTargets = {}): TargetPolicy {
  const origins = new Set((targets.origins ?? []).map(originOf));
  const directories = targets.socketDirectories?.map((directory) => normalize(`${directory}/`));
  const schemes = new Set(targets.schemes);
  return (url) => {
    if (url.protocol === "unix:") {
      const path = normalize(decodeURIComponent(url.pathname)); // it may hold an escaped slash after ..
      return directories?.some((directory) => path.startsWith(directory)) ?? true;
    }
    return origins.has(url.origin) || schemes.has(url.protocol.slice(0, -1));
  };
}

/** @throws AcommError `forbidden_target` unless the policy admits the URL. */
export async function checkTarget(policy: TargetPolicy, url: AcommUrl, purpose: TargetPurpose): Promise<void> {
  let isAdmitted = false;
  let cause: unknown;
  try {
    isAdmitted = await policy(url, purpose);
  } catch (error) {
    cause = error;
  }
  if (isAdmitted) return;
  throw new AcommError("forbidden_target", `the ${purpose === "response" ? "response hook" : "stream"} at ${url.protocol}//${url.host} is not admitted: let the policy (admit) admit it`, { cause });
}

function originOf(url: string | URL): string {
  const origin = URL.canParse(String(url)) ? new URL(url).origin : "null";
  // all other schemes have the origin "null", so one of them would admit all of them
  if (origin === "null") throw new AcommError("bad_field", `origins: ${String(url)} is not an origin of http or https: name other schemes in schemes`);
  return origin;
}
