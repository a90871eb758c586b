import { AcommError } from "@acomm/protocol";
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkTimeoutMs } from "./wait.ts";

/** What a stream may be made of. */
export type StreamSource = Readable | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** The source as a readable. */
export function toReadable(source: StreamSource): Readable {
  return source instanceof Readable ? source : Readable.from(source, { objectMode: false });
}

/**
 * Writes a source to its reader and ends in order (wire 2.2): shuts down the writing side and waits for the reader's byte,
 * or for its end, where it doesn't know of it. A source that fails destroys the connection without that.
 *
 * @param options.idleTimeoutMs how long the reader may take nothing, in milliseconds, @default 60 000
 * @throws AcommError `truncated_stream` where the reader left, `timeout` where it took nothing; else what the source threw.
 */
export async function writeStream(connection: Duplex, source: Readable, options: { readonly idleTimeoutMs?: number | undefined } = {}): Promise<void> {
  const idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
  const stalled = new AbortController();
  const timer = setTimeout(() => { stalled.abort(); }, idleTimeoutMs);
  const onProgress = (): void => { timer.refresh(); };
  source.on("data", onProgress);
  connection.on("drain", onProgress);
  connection.resume(); // the reader's byte tells it about us, not us about it: its close is what counts
  const left = new Promise<void>((resolve) => {
    connection.once("close", resolve);
    connection.once("end", resolve);
  });
  try {
    await pipeline(source, connection, { signal: stalled.signal, end: true });
    timer.refresh();
    await Promise.race([left, new Promise<never>((_, reject) => { stalled.signal.addEventListener("abort", () => { reject(new Error("stalled")); }); })]);
  } catch (error) {
    if (stalled.signal.aborted) throw new AcommError("timeout", `write a stream: the reader took nothing for ${idleTimeoutMs} ms`);
    if (source.errored !== null) throw source.errored;
    throw new AcommError("truncated_stream", "write a stream: the reader left before its end", { cause: error });
  } finally {
    clearTimeout(timer);
    source.off("data", onProgress);
    connection.destroy();
    source.destroy();
  }
}
