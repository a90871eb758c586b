import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";

/** Gets what was read; false when no more is wanted before the stream is resumed. Borrowed memory is valid until then. */
export type TakeChunk = (chunk: Buffer) => boolean;

/** Less than the 128 KiB up to which V8 keeps a text among the other young ones: memory for a longer one is asked of the kernel each time. */
const sharedBytes = 120 * 1024;
/** How much of a stream is read at once: a little less than a unix socket of Linux holds, so that a relay hands most of it to the kernel at once. */
export const streamReadBytes: number = 192 * 1024;
/** On its way to HTTP: half of that, so that TCP takes a whole write, and the next can be read meanwhile. */
export const httpReadBytes: number = 96 * 1024;
/** Where it goes to a function, which is done with it at once: the writer works on the rest meanwhile. */
export const handedReadBytes: number = 64 * 1024;
/** The sockets of messages read into it, every one: what it holds is taken before another read can begin. */
let shared: Buffer | undefined;
/** Who takes the chunks of the sockets that read into borrowed memory. */
const takers = new WeakMap<Readable | Duplex, { take: TakeChunk | undefined }>();

/**
 * Connects a socket that reads into memory which is used again and again, instead of new memory for each read. It is paused;
 * it emits no `data`, {@link takeChunks} gets what it reads.
 *
 * @param ownBytes how much memory of its own the socket reads into, for what is kept for a while; @default that of all sockets of messages
 */
export function connectBorrowing(path: string, ownBytes?: number): Socket {
  const taker: { take: TakeChunk | undefined } = { take: undefined };
  const buffer = ownBytes !== undefined ? Buffer.allocUnsafeSlow(ownBytes) : (shared ??= Buffer.allocUnsafeSlow(sharedBytes));
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
