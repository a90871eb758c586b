import { parseUrl } from "@acomm/protocol";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pump } from "./pump.ts";
import { createRegistry } from "./registry.ts";
import type { TransportRegistry } from "./registry.ts";
import { StreamReader } from "./stream-reader.ts";
import type { ChunkHandler } from "./stream-reader.ts";
import type { StreamOptions } from "./transport.ts";

/** What {@link openStream} and {@link stream} take. */
export interface OpenStreamOptions extends StreamOptions {
  /** Whose transports are used. @default unix and http(s) */
  readonly registry?: TransportRegistry | undefined;
  /** How long connecting may take, in milliseconds. @default that of the transport */
  readonly timeoutMs?: number | undefined;
}

/**
 * Opens a stream URL to be read. Give the `streamUrl` of the message itself: it remembers whether the writer shows its end,
 * and then a stream that is cut short fails with `truncated_stream` instead of ending.
 *
 * @throws AcommError `unavailable`, `timeout`, `cancelled`, `forbidden_target`, `bad_field`, `unknown_scheme`.
 */
export async function openStream(url: string | URL, options: OpenStreamOptions = {}): Promise<Readable> {
  const target = parseUrl(url);
  const registry = options.registry ?? createRegistry();
  const isOurs = options.registry === undefined;
  try {
    const readable = await registry.lookup(target).openStream(target, options);
    if (isOurs) readable.once("close", () => void registry.close());
    return readable;
  } catch (error) {
    if (isOurs) await registry.close();
    throw error;
  }
}

/**
 * Copies a stream into a writable and ends it, or gives it to a function chunk by chunk; the seed's `Stream`. Where the
 * stream is cut short the writable is destroyed, so that its own reader sees the cut.
 *
 * @param destination a function is the fastest: it gets chunks whose memory is used again once what it returns has settled,
 * so what shall stay must be copied
 * @returns how many bytes were copied
 * @throws AcommError as {@link openStream}; `truncated_stream`; else the destination's own error.
 */
export async function stream(destination: Writable | ChunkHandler, url: string | URL, options: OpenStreamOptions = {}): Promise<number> {
  if (typeof destination !== "function") destination.once("error", () => undefined); // it may fail before there is a source
  const source = await openStream(url, options);
  let bytes = 0;
  try {
    if (typeof destination !== "function" && destination.errored != null) throw destination.errored; // undefined where Deno's is an HTTP response
    if (source instanceof StreamReader) {
      await (typeof destination === "function" ? source.lend(destination) : pump(source, destination));
      return source.byteCount;
    }
    const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        yield chunk;
      }
    };
    if (typeof destination !== "function") await pipeline(source, counted, destination);
    else for await (const chunk of counted(source)) await destination(chunk);
    return bytes;
  } finally {
    source.destroy(); // a pipeline to a writable that was destroyed before leaves its source
  }
}
