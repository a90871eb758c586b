import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";

/** Gets what was read. The memory is valid only during the call. */
type TakeChunk = (chunk: Buffer) => void;

const bufferBytes = 256 * 1024;
/** Every socket reads into it: what it holds is taken before another read can begin. */
let buffer: Buffer | undefined;
/** Who takes the chunks of the sockets that read into the buffer. */
const takers = new WeakMap<Readable | Duplex, { take: TakeChunk | undefined }>();

/**
 * Connects a socket that reads into memory which is used again and again, instead of new memory for each read. It is paused;
 * it emits no `data`, {@link takeChunks} gets what it reads.
 */
export function connectReusing(path: string): Socket {
  const taker: { take: TakeChunk | undefined } = { take: undefined };
  buffer ??= Buffer.allocUnsafeSlow(bufferBytes);
  const socket = connect({
    path,
    allowHalfOpen: true,
    onread: {
      buffer,
      callback(bytes, memory) {
        taker.take?.(Buffer.from(memory.buffer, memory.byteOffset, bytes));
        return true;
      },
    },
  });
  takers.set(socket.pause(), taker);
  return socket;
}

/** Gives `take` everything that the stream reads once it is resumed, chunk by chunk. */
export function takeChunks(stream: Readable | Duplex, take: TakeChunk): void {
  const taker = takers.get(stream);
  if (taker === undefined) stream.on("data", take);
  else taker.take = take;
}

/** Like {@link takeChunks}, with chunks that stay valid. */
export function takeLastingChunks(stream: Readable | Duplex, take: TakeChunk): void {
  takeChunks(stream, takers.has(stream) ? (chunk) => { take(Buffer.from(chunk)); } : take);
}
