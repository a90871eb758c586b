/** Serves streams that are far larger than memory, counts what is pulled out of their sources; and reads them, or doesn't. */
import { createUnixTransport, openStream, serveUnixStream } from "@acomm/transport";
import type { UnixStream } from "@acomm/transport";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { Writable } from "node:stream";
import { parseUrl } from "@acomm/protocol";
import { answer } from "../load/answer.ts";

const chunkBytes = 64 * 1024;
/** How many bytes were pulled out of each source. */
let pulled: number[] = [];
let streams: UnixStream[] = [];
const stalled: Socket[] = [];
let readSoFar = 0;

/** New memory for each chunk, as a file or a socket gives it. */
function* source(index: number, totalBytes: number): Generator<Buffer> {
  for (let given = 0; given < totalBytes; given += chunkBytes) {
    pulled[index] = (pulled[index] ?? 0) + chunkBytes;
    yield Buffer.alloc(chunkBytes, index);
  }
}

answer({
  async serve({ directory, count, totalBytes, openTimeoutMs }: { readonly directory: string; readonly count: number; readonly totalBytes: number; readonly openTimeoutMs?: number }) {
    const first = streams.length;
    const made = Array.from({ length: count }, (_, index) => serveUnixStream(() => source(first + index, totalBytes), { directory, openTimeoutMs }));
    streams.push(...(await Promise.all(made)));
    return streams.slice(first).map(({ url }) => url.href);
  },
  pulled: () => ({ mostBytes: Math.max(0, ...pulled), allBytes: pulled.reduce((sum, bytes) => sum + bytes, 0), opened: pulled.filter((bytes) => bytes > 0).length }),
  /** What became of the streams, by the error's code. */
  async outcomes() {
    const sum: Record<string, number> = {};
    for (const settled of await Promise.allSettled(streams.map(({ done }) => done))) {
      const outcome = settled.status === "fulfilled" ? "read" : (settled.reason as { readonly code: string }).code;
      sum[outcome] = (sum[outcome] ?? 0) + 1;
    }
    streams = [];
    pulled = [];
    return sum;
  },
  /** Connects to each and takes nothing. */
  async stall({ urls }: { readonly urls: readonly string[] }) {
    stalled.push(...(await Promise.all(urls.map((url) => new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: new URL(url).pathname });
      socket.pause().once("error", reject).once("connect", () => { resolve(socket); });
    })))));
  },
  leave() {
    for (const socket of stalled.splice(0)) socket.destroy();
  },
  /** Reads one through our own reader, and takes a rest after each chunk. */
  async readSlowly({ url, totalBytes }: { readonly url: string; readonly totalBytes: number }) {
    const transport = createUnixTransport();
    const readable = await transport.openStream(parseUrl(url, { streamEnd: "half-close" }), {});
    readSoFar = 0;
    await pipeline(readable, new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        readSoFar += chunk.length;
        setTimeout(done, 1);
      },
    }));
    await transport.close();
    return readSoFar === totalBytes;
  },
  readSoFar: () => readSoFar,
  /** Opens so many at once and reads them to the end. */
  async readAll({ urls }: { readonly urls: readonly string[] }) {
    let bytes = 0;
    await Promise.all(urls.map(async (url) => {
      const readable = await openStream(parseUrl(url, { streamEnd: "half-close" }));
      for await (const chunk of readable) bytes += (chunk as Buffer).length;
    }));
    return bytes;
  },
});
