import { AcommError, badField, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { httpReadBytes } from "../chunks.ts";
import { pump } from "../pump.ts";
import { createRegistry } from "../registry.ts";
import type { TransportRegistry } from "../registry.ts";
import { StreamReader } from "../stream-reader.ts";
import type { StreamSigner } from "../stream-signer.ts";
import type { HttpHandler } from "./message-handler.ts";
import { guardedHeaders, refuse } from "./answer.ts";

/** What {@link createStreamProxyHandler} takes: `signer`, `authorize` or both. */
export interface StreamProxyOptions {
  /** Whose signed URLs are served; a tracker has one. */
  readonly signer?: StreamSigner | undefined;
  /** Admits a URL that is not signed; throwing means no. @default none */
  readonly authorize?: ((url: AcommUrl, request: IncomingMessage) => boolean | Promise<boolean>) | undefined;
  /** What opens the streams. @default unix and http(s) */
  readonly registry?: TransportRegistry | undefined;
  /** For the silence of a stream. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
}

/**
 * Serves `GET …?addr=<stream URL>` where it is signed or authorised; the seed's `ProxyStreamHandler`. A cut stream becomes a body
 * that breaks off.
 *
 * @throws `bad_field` with neither `signer` nor `authorize`
 */
export function createStreamProxyHandler(options: StreamProxyOptions): HttpHandler {
  const { signer, authorize, idleTimeoutMs } = options;
  if (signer === undefined && authorize === undefined) throw badField("the stream proxy needs a signer or authorize: it serves nothing otherwise");
  const registry = options.registry ?? createRegistry();

  return async (request, response) => {
    if (request.method !== "GET") {
      refuse(response, 405, `${request.method ?? ""} is not taken here: GET a stream`, { allow: "GET" });
      return;
    }
    const left = new AbortController();
    response.once("close", () => { left.abort(); }); // whoever has left needs no source
    let source: Readable;
    try {
      const target = await findTarget(queryOf(request), request, signer, authorize);
      source = await registry.lookup(target).openStream(target, { idleTimeoutMs, signal: left.signal, readBytes: httpReadBytes });
      await firstByte(source);
    } catch (error) {
      const [status, text] = describe(error);
      refuse(response, status, text);
      return;
    }
    response.writeHead(200, { "content-type": "application/octet-stream", ...guardedHeaders });
    await pump(source, response).catch(() => undefined); // the body has broken off, which is all that can be said now
    source.destroy();
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const { url = "" } = request;
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at));
}

async function findTarget(query: URLSearchParams, request: IncomingMessage, signer: StreamSigner | undefined, authorize: StreamProxyOptions["authorize"]): Promise<AcommUrl> {
  const addr = query.get("addr");
  if (addr === null) throw badField("addr is missing: give the URL of a stream");
  if (query.has("sig") && signer !== undefined) {
    try {
      return signer.verify(query);
    } catch (error) {
      throw error instanceof AcommError && error.code === "timeout" ? new StatusError(410, error.message) : error;
    }
  }
  const url = parseUrl(addr, { field: "addr", streamEnd: query.get("end") === "half-close" ? "half-close" : undefined });
  let isAdmitted = false;
  try {
    isAdmitted = (await authorize?.(url, request)) ?? false;
  } catch {
    // an authorisation that fails is none
  }
  if (!isAdmitted) throw new AcommError("forbidden_target", "this stream is not served: ask for a signed URL");
  return url;
}

/** A failure whose status is known where it happens. */
class StatusError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Waits until there is something to send, so that a source that fails at once gets a status of its own. */
async function firstByte(source: Readable): Promise<void> {
  if (source instanceof StreamReader) {
    await source.firstBytes();
    return;
  }
  await once(source, "readable");
  if (source.errored !== null) throw source.errored;
}

function describe(error: unknown): readonly [status: number, text: string] {
  if (error instanceof StatusError) return [error.status, error.message];
  if (!(error instanceof AcommError)) return [502, "the stream failed"];
  switch (error.code) {
    case "bad_field":
      return [400, error.message];
    case "forbidden_target":
    case "unknown_scheme":
      return [403, error.code === "unknown_scheme" ? "this scheme is not served" : error.message];
    case "timeout":
      return [504, "the stream did not begin in time"];
    case "unavailable":
      return [410, "the stream is gone: each can be read once"];
    default:
      return [502, "the stream failed before its first byte"];
  }
}
