import { parseUrl } from "@acomm/protocol";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, errorOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { connectRaw } from "../fixtures/raw.ts";
import type { RawConnection } from "../fixtures/raw.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { block, stillness, until } from "../fixtures/until.ts";
import { openStream } from "../stream.ts";
import { serveUnixStream } from "./stream.ts";
import type { UnixStream, UnixStreamOptions } from "./stream.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

type Source = Parameters<typeof serveUnixStream>[0];
const serveStream = (source: Source, options: Partial<UnixStreamOptions> = {}): Promise<UnixStream> => serveUnixStream(source, { directory: directory.path, ...options });
const rawReader = (served: UnixStream): Promise<RawConnection> => connectRaw(served.url.pathname, { framed: false });
/** As a reader that does not know how the stream shows its end. */
const unannounced = (served: UnixStream): URL => parseUrl(served.url.href);

describe("a stream", () => {
  test("arrives whole, from whatever it is made of", async () => {
    const sources: Source[] = [["one", Buffer.from("two"), "three"], Readable.from(["onetwothree"]), () => Promise.resolve(["onetwothree"]), (async function* () { yield "onetwo"; yield "three"; })(), () => Readable.from(["onetwothree"])];
    for (const source of sources) {
      const served = await serveStream(source);
      expect(served.url.streamEnd).toBe("half-close");
      expect(await text(await openStream(served.url))).toBe("onetwothree");
      await served.done;
    }
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("that is empty ends in order", async () => {
    const served = await serveStream([]);
    expect(await text(await openStream(served.url))).toBe("");
    await served.done;
  });

  test("is answered at its end with the byte 06, and the writer waits for its reader", async () => {
    const served = await serveStream(["bytes"]);
    const reader = await rawReader(served);
    let isDone = false;
    void served.done.then(() => { isDone = true; });
    const bytes: Buffer[] = [];
    reader.socket.on("data", (chunk) => bytes.push(chunk));
    await reader.ended;
    expect(Buffer.concat(bytes).toString()).toBe("bytes");
    expect(isDone).toBe(false);
    reader.socket.end("\x06");
    await served.done;
    expect(await reader.closed).toBe("");
  });

  test("can be read by one who does not know of its end: end of file is the end", async () => {
    const served = await serveStream(["bytes"]);
    expect(await text(await openStream(unannounced(served)))).toBe("bytes");
    await served.done;
  });

  test("A80 has one reader: its socket is gone as soon as that has come", async () => {
    const source = new PassThrough();
    const served = await serveStream(source);
    const readable = await openStream(served.url);
    source.write("x");
    for await (const chunk of readable) {
      expect(String(chunk)).toBe("x");
      break;
    }
    expect(await readdir(directory.path)).toEqual([]);
    expect(await codeOf(openStream(served.url))).toBe("unavailable");
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });

  test("A80 given two readers at once goes to one; the other gets nothing that it could take for a stream", async () => {
    for (let round = 0; round < 10; round += 1) {
      const served = await serveStream(["bytes"]);
      const read = async (): Promise<string> => text(await openStream(served.url));
      const outcomes = await Promise.allSettled([read(), read(), read()]);
      expect(outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) => value)).toEqual(["bytes"]);
      await served.done;
    }
  });

  test("F26 of 50 MB is read as fast as its reader takes it, and not ahead", async () => {
    const chunk = Buffer.alloc(64 * 1024, "abc");
    const total = 800;
    let given = 0;
    const hash = createHash("sha256");
    const served = await serveStream((function* () {
      for (let index = 0; index < total; index += 1) {
        given += chunk.length;
        hash.update(chunk);
        yield chunk;
      }
    })());
    const readable = await openStream(served.url);
    const received = createHash("sha256");
    let taken = 0;
    let most = 0;
    for await (const part of readable as AsyncIterable<Buffer>) {
      taken += part.length;
      received.update(part);
      most = Math.max(most, given - taken);
      if (taken % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBe(total * chunk.length);
    expect(received.digest("hex")).toBe(hash.digest("hex"));
    expect(most).toBeLessThan(2 * 1024 * 1024);
    await served.done;
  });

  test("that nobody reads any further stops its source", async () => {
    let given = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const served = await serveStream((function* () {
      for (;;) {
        given += chunk.length;
        yield chunk;
      }
    })());
    const reader = await rawReader(served);
    reader.socket.pause();
    await stillness(() => given);
    expect(given).toBeLessThan(2 * 1024 * 1024);
    reader.socket.destroy();
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });

  test("L9 that nobody reads takes less out of its source where many are served, until they have gone", async () => {
    const chunk = Buffer.alloc(16 * 1024);
    const stall = async (given: number[], index: number): Promise<UnixStream> => {
      const served = await serveStream((function* () {
        for (;;) {
          given[index] = (given[index] ?? 0) + chunk.length;
          yield chunk;
        }
      })());
      (await rawReader(served)).socket.pause();
      await until(() => given.length > index);
      await stillness(() => given[index] ?? 0);
      return served;
    };
    for (let round = 0; round < 2; round += 1) {
      const given: number[] = [];
      const streams: UnixStream[] = [];
      for (let index = 0; index < 10; index += 1) streams.push(await stall(given, index));
      expect(given.map((bytes) => bytes >= 512 * 1024)).toEqual([...Array<boolean>(8).fill(true), false, false]);
      for (const served of streams) served.cancel();
      await Promise.all(streams.map((served) => codeOf(served.done)));
    }
  });
});

describe("a wait that is too long", () => {
  test("L11 for a reader that never comes is timeout, and the socket goes", async () => {
    let wasClosed = false;
    const served = await serveStream((function* () {
      try {
        yield "x";
      } finally {
        wasClosed = true;
      }
    })(), { openTimeoutMs: 30 });
    expect(await errorOf(served.done)).toMatchObject({ code: "timeout", message: "a stream was not opened within 30 ms" });
    expect(await readdir(directory.path)).toEqual([]);
    expect(wasClosed).toBe(false); // it never began
    const readable = new PassThrough();
    await codeOf((await serveStream(readable, { openTimeoutMs: 1 })).done);
    expect(readable.destroyed).toBe(true);
  });

  test("F26 for a reader that takes nothing is timeout at the writer, and a cut stream at the reader", async () => {
    const served = await serveStream([Buffer.alloc(5_000_000)], { idleTimeoutMs: 40 });
    const reader = await rawReader(served);
    reader.socket.pause();
    expect((await errorOf(served.done)).message).toBe("write a stream: the reader took nothing for 40 ms");
    reader.socket.resume();
    await reader.ended;
    await reader[Symbol.asyncDispose]();
    const finished = await serveStream(["x"], { idleTimeoutMs: 40 });
    await using lazy = await rawReader(finished);
    lazy.socket.resume();
    expect((await errorOf(finished.done)).message).toBe("write a stream: the reader took nothing for 40 ms");
    await lazy.ended;
  });

  test("F27 for a source that gives nothing is timeout on both sides", async () => {
    const source = new PassThrough();
    const served = await serveStream(source, { idleTimeoutMs: 60 });
    const read = codeOf(buffer(await openStream(served.url)));
    expect((await errorOf(served.done)).message).toBe("write a stream: the source gave nothing for 60 ms");
    expect([await read, source.destroyed]).toEqual(["truncated_stream", true]);
    const silent = await serveStream(new PassThrough());
    const error = await errorOf(buffer(await openStream(silent.url, { idleTimeoutMs: 30 })));
    expect([error.code, error.message]).toEqual(["timeout", `read the stream ${silent.url.href}: silent for 30 ms, after 0 bytes`]);
    expect(await codeOf(silent.done)).toBe("truncated_stream");
  });

  test("F37 is not one for a reader whose process was held up while the bytes came", async () => {
    const writer = createServer().listen(directory.socket("writer"));
    onTestFinished(() => void writer.close());
    await once(writer, "listening");
    const connected = once(writer, "connection") as Promise<[Socket]>;
    const read = buffer(await openStream(`unix://${directory.socket("writer")}`, { idleTimeoutMs: 100 }));
    const [socket] = await connected;
    await new Promise((resolve) => setImmediate(resolve)); // the reader waits, and its time runs
    socket.write("in time"); // with the kernel, and nobody has read it when the time is over
    block(200);
    socket.end();
    expect(String(await read)).toBe("in time");
  });

  test("is not one where a slow reader takes a little at a time", async () => {
    const served = await serveStream([Buffer.alloc(3_000_000)], { idleTimeoutMs: 150 });
    const reader = await rawReader(served);
    let taken = 0;
    reader.socket.on("data", (chunk) => {
      taken += chunk.length;
      reader.socket.pause();
      setTimeout(() => { reader.socket.resume(); }, 8);
    });
    await reader.ended;
    reader.socket.end();
    await served.done;
    expect(taken).toBe(3_000_000);
  });

  test("limits that make no sense are refused by name, and nothing is left", async () => {
    expect((await errorOf(serveStream([], { openTimeoutMs: Number.NaN }))).message).toMatch("openTimeoutMs");
    expect((await errorOf(serveStream([], { idleTimeoutMs: 0 }))).message).toMatch("idleTimeoutMs");
    expect(await codeOf(serveStream(Readable.from([]), { directory: "relative" }))).toBe("bad_address");
    const served = await serveStream([]);
    expect((await errorOf(openStream(served.url, { idleTimeoutMs: Number.NaN }))).message).toMatch("idleTimeoutMs");
    expect((await errorOf(openStream(served.url, { timeoutMs: -1 }))).message).toMatch("timeoutMs");
    served.cancel();
    expect(await codeOf(served.done)).toBe("cancelled");
    expect(await readdir(directory.path)).toEqual([]);
    expect(thrownBy(() => parseUrl("unix:relative")).code).toBe("bad_field");
  });
});

