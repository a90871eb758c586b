import { AcommError } from "@acomm/protocol";
import { Readable } from "node:stream";
import type { Socket } from "node:net";
import { pump } from "./pump.ts";
import type { LazyStreamSource } from "./transport.ts";
import { checkTimeoutMs } from "./wait.ts";

/** The bytes of a stream. */
export type StreamSource = Readable | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** The source as a readable, which takes nothing out of an iterable that cannot go on. */
export function toReadable(source: StreamSource): Readable {
  return source instanceof Readable ? source : Readable.from(source, { objectMode: false, highWaterMark: 0 });
}

/** @internal Opens a source that was to be opened when its reader comes. */
export async function openSource(source: LazyStreamSource): Promise<Readable> {
  return toReadable(typeof source === "function" ? await source() : source);
}

/**
 * Writes a source to its reader and ends in order (wire 2.2): shuts down the writing side and waits for the reader's byte,
 * or for its end, where it doesn't know of it. A source that fails destroys the connection without that. A reader that ends
 * its own side before that has left.
 *
 * @param options.idleTimeoutMs how long the reader may take nothing or the source give nothing, in milliseconds, @default 60 000
 * @throws `truncated_stream` where the reader left, `timeout` where nothing moved; else what the source threw.
 */
export async function writeStream(connection: Socket, source: Readable, options: { readonly idleTimeoutMs?: number | undefined } = {}): Promise<void> {
  const idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
  const gone = new AbortController();
  let stalled: AcommError | undefined;
  const onStalled = (): void => {
    const who = connection.writableLength > 0 || source.readableEnded ? "the reader took" : "the source gave";
    stalled = new AcommError("timeout", `write a stream: ${who} nothing for ${idleTimeoutMs} ms`);
    connection.destroy(stalled);
  };
  // the socket's own timer also sees the progress within one long write
  connection.setTimeout(idleTimeoutMs, onStalled);
  if (process.versions["bun"] !== undefined) watchWrites(connection, idleTimeoutMs, onStalled);
  // whichever fails first has failed: the pipeline then destroys the other with the same error
  let failed: { readonly isSource: boolean; readonly error: Error } | undefined;
  source.once("error", (error) => { failed ??= { isSource: true, error }; });
  connection.once("error", (error) => { failed ??= { isSource: false, error }; });
  const left = new Promise<void>((resolve) => {
    connection.once("close", resolve);
    connection.once("end", () => {
      if (!connection.writableEnded) gone.abort();
      resolve();
    });
  });
  connection.resume(); // the reader's byte tells it about us, not us about it: its end is what counts
  try {
    if (source.errored !== null) throw source.errored;
    await pump(source, connection, gone.signal);
    await left;
    // a reader that leaves with bytes unread resets the connection
    if (connection.errored !== null) throw connection.errored;
  } catch (error) {
    if (stalled !== undefined) throw stalled;
    if (failed === undefined ? source.errored === error : failed.isSource && !gone.signal.aborted) throw error;
    throw new AcommError("truncated_stream", "write a stream: the reader left before its end", { cause: error });
  } finally {
    connection.destroy();
    source.destroy();
  }
}

/**
 * Watches the writes of a socket until it closes. Bun's own timer is silent while one waits for its reader
 * (https://github.com/oven-sh/bun/issues/42403); this one doesn't see what is taken of a write that is not done.
 */
function watchWrites(socket: Socket, timeoutMs: number, onStalled: () => void): void {
  let before = -1;
  const timer = setInterval(() => {
    const done = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength > 0 && done === before) onStalled();
    before = done;
  }, timeoutMs);
  socket.once("close", () => { clearInterval(timer); });
}
