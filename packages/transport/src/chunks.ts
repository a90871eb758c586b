import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";

/** Gets what was read; false when no more is wanted before the stream is resumed. Borrowed memory is valid until then. */
export type TakeChunk = (chunk: Buffer) => boolean;

const sharedBytes = 256 * 1024;
/** A little less than a unix socket of Linux holds, so that a relay hands most of what it reads to the kernel at once. */
const streamBytes = 192 * 1024;
/** The sockets of messages read into it, every one: what it holds is taken before another read can begin. */
let shared: Buffer | undefined;
/** Who takes the chunks of the sockets that read into borrowed memory. */
const takers = new WeakMap<Readable | Duplex, { take: TakeChunk | undefined }>();

/**
 * Connects a socket that reads into memory which is used again and again, instead of new memory for each read. It is paused;
 * it emits no `data`, {@link takeChunks} gets what it reads.
 *
 * @param forStream whether what is read may be kept for a while: the memory is then the socket's own
 */
export function connectBorrowing(path: string, forStream: boolean): Socket {
  const taker: { take: TakeChunk | undefined } = { take: undefined };
  const buffer = forStream ? Buffer.allocUnsafeSlow(streamBytes) : (shared ??= Buffer.allocUnsafeSlow(sharedBytes));
  const socket = connect({
    path,
    allowHalfOpen: true,
    onread: { buffer, callback: (bytes) => taker.take?.(buffer.subarray(0, bytes)) ?? true },
  });
  takers.set(socket.pause(), taker);
  socket.once("close", () => { taker.take = undefined; }); // it would keep whoever takes them until the next full collection
  return socket;
}

/** Whether the stream's chunks are in memory that it reads into again. */
export function isBorrowing(stream: Readable | Duplex): boolean {
  return takers.has(stream);
}

/** Gives `take` everything that the stream reads once it is resumed, chunk by chunk. */
export function takeChunks(stream: Readable | Duplex, take: TakeChunk): void {
  const taker = takers.get(stream);
  if (taker !== undefined) {
    taker.take = take;
    return;
  }
  stream.on("data", (chunk: Buffer) => {
    if (!take(chunk)) stream.pause();
  });
}
