import { parseUrl } from "@acomm/protocol";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { handedReadBytes } from "./chunks.ts";
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
  /** How long connecting may take. @default that of the transport */
  readonly timeoutMs?: number | undefined;
}

/**
 * Opens a stream to read. Give the `streamUrl` as it came: it knows whether a cut shows, and then fails with `truncated_stream`.
 *
 * @throws `unavailable`, `timeout`, `cancelled`, `forbidden_target`, `bad_field`, `unknown_scheme`
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
 * Copies a stream into a writable and ends it, or gives it to a function by chunks, which is fastest; the seed's `Stream`. A cut
 * stream destroys the writable.
 *
 * @returns how many bytes
 * @throws as {@link openStream}; `truncated_stream`; the destination's error
 */
export async function stream(destination: Writable | ChunkHandler, url: string | URL, options: OpenStreamOptions = {}): Promise<number> {
  if (typeof destination !== "function") destination.once("error", () => undefined); // it may fail before there is a source
  const source = await openStream(url, typeof destination === "function" ? { readBytes: handedReadBytes, ...options } : options);
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
