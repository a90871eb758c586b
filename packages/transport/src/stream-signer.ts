import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { nodeCrypto } from "./node-modules.ts";
import { checkTimeoutMs } from "./wait.ts";

/** What {@link StreamSigner} takes. */
export interface StreamSignerOptions {
  /** How long a signed URL is valid. @default 60 000 */
  readonly ttlMs?: number | undefined;
}

/** Signs HTTP URLs of streams. Its key never leaves the process, and its clock can't be turned back. */
export class StreamSigner {
  readonly #key = nodeCrypto().randomBytes(32);
  readonly #ttlMs: number;

  constructor(options: StreamSignerOptions = {}) {
    this.#ttlMs = checkTimeoutMs(options.ttlMs ?? 60_000, "ttlMs");
  }

  /** `<proxy>?addr=<target>` with an expiry and a signature. */
  sign(proxy: string | URL, target: string | URL): AcommUrl {
    const stream = parseUrl(target, { field: "target" });
    const url = new URL(parseUrl(proxy, { field: "httpStreamUrl" }));
    const expires = String(Math.ceil(performance.now() + this.#ttlMs));
    const end = stream.streamEnd ?? "";
    url.searchParams.set("addr", stream.href);
    if (end !== "") url.searchParams.set("end", end);
    url.searchParams.set("expires", expires);
    url.searchParams.set("sig", this.#signature(stream.href, end, expires));
    return parseUrl(url);
  }

  /** The stream of a signed query. @throws `forbidden_target` where the signature is not ours, `timeout` where it has expired */
  verify(query: URLSearchParams): AcommUrl {
    const addr = query.get("addr") ?? "";
    const end = query.get("end") ?? "";
    const expires = query.get("expires") ?? "";
    // as text: base64 has several spellings of the same bytes
    const given = Buffer.from(query.get("sig") ?? "");
    const expected = Buffer.from(this.#signature(addr, end, expires));
    if (given.length !== expected.length || !nodeCrypto().timingSafeEqual(given, expected)) throw new AcommError("forbidden_target", "the stream URL is not signed by this process: ask for a new one");
    if (Number(expires) < performance.now()) throw new AcommError("timeout", "the stream URL has expired: ask for a new one");
    return parseUrl(addr, { field: "addr", streamEnd: end === "half-close" ? end : undefined });
  }

  #signature(addr: string, end: string, expires: string): string {
    return nodeCrypto().createHmac("sha256", this.#key).update(`GET\n${addr}\n${end}\n${expires}`).digest("base64url");
  }
}
