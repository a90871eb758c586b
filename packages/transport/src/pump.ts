import { AcommError } from "@acomm/protocol";
import { WriteStream } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { nodeHttp } from "./node-modules.ts";
import { StreamReader } from "./stream-reader.ts";
import type { ChunkHandler } from "./stream-reader.ts";

/**
 * Copies a source into a destination and ends it, as `pipeline` does: whichever fails destroys the other. Where the
 * destination is surely done with a chunk once it says so, the source's memory goes there without a copy.
 *
 * @param signal its abort ends both
 * @throws what `pipeline` throws
 */
export async function pump(source: Readable, destination: Writable, signal?: AbortSignal): Promise<void> {
  if (source instanceof StreamReader && source.isUntouched && returnsChunks(destination)) await pumpLent(source, destination, signal);
  else {
    if (isPlainSocket(destination)) gatherChunks(source, destination);
    await pipeline(source, destination, { signal });
  }
}

/** A chunk of so many bytes goes at once: to let one of 1 MiB wait for the end of the turn takes a quarter of the speed. */
const largeBytes = 128 * 1024;

/** Hands the kernel in one write what a turn gives, up to what may wait in the socket. Called before the pipeline, whose listener comes after this one. */
function gatherChunks(source: Readable, socket: Socket): void {
  const handOver = (): void => { socket.uncork(); };
  source.on("data", (chunk: Buffer) => {
    if (socket.writableCorked > 0 || chunk.length >= largeBytes) return;
    socket.cork();
    process.nextTick(handOver);
  });
}

async function pumpLent(source: StreamReader, destination: Writable, signal: AbortSignal | undefined): Promise<void> {
  const done = finished(destination, { readable: false, signal });
  try {
    const isAtEnd = await Promise.race([source.lend(lendTo(destination)).then(() => true), done.then(() => false)]);
    if (!isAtEnd) throw new AcommError("truncated_stream", "copy a stream: the destination was ended before its source");
    destination.end();
    await done;
  } catch (error) {
    source.destroy();
    destination.destroy(error as Error);
    done.catch(() => undefined); // it fails of what is thrown here
    throw error;
  }
}

function lendTo(destination: Writable): ChunkHandler {
  let giveBack: (() => void) | undefined;
  const onWritten = (): void => {
    giveBack?.();
    giveBack = undefined;
  };
  return (chunk) => {
    destination.write(chunk, onWritten);
    if (destination.writableLength === 0) return undefined; // the kernel has it already
    return new Promise<void>((resolve) => {
      giveBack = resolve;
    });
  };
}

/**
 * Whether it keeps nothing of a chunk once its write has called back: sockets, HTTP messages and files hand it to the kernel.
 * Others, and those whose `write` somebody has replaced, may keep it.
 */
function returnsChunks(destination: Writable): boolean {
  if (Object.hasOwn(destination, "write")) return false;
  if (isPlainSocket(destination) || destination instanceof WriteStream) return true;
  // asked last: where it isn't one, Node's HTTP may not be loaded yet
  if (!("setHeader" in destination && destination instanceof nodeHttp().OutgoingMessage)) return false;
  return destination.socket === null || isPlainSocket(destination.socket);
}

function isPlainSocket(stream: object): stream is Socket {
  return stream instanceof Socket && !("encrypted" in stream);
}
