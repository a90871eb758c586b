import { AcommError, parseUrl } from "@acomm/protocol";
import { readdir } from "node:fs/promises";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import { connectRaw } from "../fixtures/raw.ts";
import type { RawConnection } from "../fixtures/raw.ts";
import { runFixture } from "../fixtures/run-fixture.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { until } from "../fixtures/until.ts";
import { createRegistry } from "../registry.ts";
import { openStream, stream } from "../stream.ts";
import { serveUnixStream } from "./stream.ts";
import type { UnixStream, UnixStreamOptions } from "./stream.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

type Source = Parameters<typeof serveUnixStream>[0];
const serveStream = (source: Source, options: Partial<UnixStreamOptions> = {}): Promise<UnixStream> => serveUnixStream(source, { directory: directory.path, ...options });
const rawReader = (served: UnixStream): Promise<RawConnection> => connectRaw(served.url.pathname, { framed: false });
async function* failing(bytes: number): AsyncGenerator<Buffer> {
  if (bytes > 0) yield Buffer.alloc(bytes, "x");
  throw new Error("the source broke");
}

describe("a stream that is cut short", () => {
  test("A82 by its source is truncated_stream at the reader, and the source's error at the writer", async () => {
    for (const bytes of [0, 10, 1_000_000]) {
      const served = await serveStream(failing(bytes));
      const error = await errorOf(buffer(await openStream(served.url)));
      expect(error).toMatchObject({ code: "truncated_stream", message: expect.stringMatching(/cut short after \d+ bytes/) as string });
      await expect(served.done).rejects.toThrow("the source broke");
    }
  });

  test("by a source that can't be opened, or is destroyed without an error", async () => {
    const throwing = await serveStream(() => Promise.reject(new Error("can't open it")));
    expect(await codeOf(buffer(await openStream(throwing.url)))).toBe("truncated_stream");
    await expect(throwing.done).rejects.toThrow("can't open it");
    const source = new PassThrough();
    const destroyed = await serveStream(source);
    const read = codeOf(buffer(await openStream(destroyed.url)));
    source.write("x", () => { source.destroy(); });
    expect(await read).toBe("truncated_stream");
    await expect(destroyed.done).rejects.toThrow();
  });

  test("F41 by a source that fails before anybody reads: the stream ends at once, its socket goes", async () => {
    const source = new PassThrough();
    const served = await serveStream(source);
    source.destroy(new Error("early"));
    await expect(served.done).rejects.toThrow("early");
    expect(await readdir(directory.path)).toEqual([]);
    const broken = new PassThrough();
    broken.on("error", () => undefined).destroy(new Error("earlier"));
    await new Promise((resolve) => broken.once("close", resolve));
    await expect((await serveStream(broken)).done).rejects.toThrow("earlier");
  });

  test("A82 by a writer killed with kill -9 is truncated_stream at the reader", async () => {
    await using writer = runFixture("write-half-a-stream", directory.path);
    const url = parseUrl((await writer.message()) as string, { streamEnd: "half-close" });
    const readable = await openStream(url);
    const read = errorOf(buffer(readable));
    expect(await writer.message()).toBe("written");
    await until(() => readable.readableDidRead);
    await writer.kill("SIGKILL");
    expect((await read).code).toBe("truncated_stream");
  });

  test("by its reader is truncated_stream at the writer, in the middle as with the last bytes unread", async () => {
    const large = await serveStream([Buffer.alloc(5_000_000)]);
    const reader = await rawReader(large);
    reader.socket.once("data", () => { reader.socket.destroy(); });
    expect(await errorOf(large.done)).toMatchObject({ code: "truncated_stream", message: "write a stream: the reader left before its end" });
    const small = await serveStream([Buffer.alloc(100_000)]);
    const other = await rawReader(small);
    other.socket.pause();
    await new Promise((resolve) => setImmediate(resolve));
    other.socket.destroy();
    expect(await codeOf(small.done)).toBe("truncated_stream");
  });
});

describe("cancelling", () => {
  test("by the writer, before there is a reader, in the middle and while the source opens", async () => {
    const unread = await serveStream(["x"]);
    unread.cancel();
    expect((await errorOf(unread.done)).message).toBe("a stream was cancelled before it was read");
    const source = new PassThrough();
    const read = await serveStream(source);
    const reading = codeOf(buffer(await openStream(read.url)));
    source.write("x", () => { read.cancel(); });
    expect((await errorOf(read.done)).message).toBe("a stream was cancelled while it was read");
    expect([await reading, source.destroyed]).toEqual(["truncated_stream", true]);
    const opening = Promise.withResolvers<Readable>();
    const late = await serveStream(() => opening.promise);
    const lateReading = codeOf(buffer(await openStream(late.url)));
    await until(() => true);
    await new Promise((resolve) => setImmediate(resolve));
    late.cancel();
    const opened = new PassThrough();
    opening.resolve(opened);
    expect(await codeOf(late.done)).toBe("cancelled");
    expect([await lateReading, opened.destroyed]).toEqual(["truncated_stream", true]);
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("by the reader's signal, before it opens and in the middle", async () => {
    const served = await serveStream(new PassThrough());
    expect(await codeOf(openStream(served.url, { signal: AbortSignal.abort() }))).toBe("cancelled");
    const controller = new AbortController();
    const readable = await openStream(served.url, { signal: controller.signal });
    const reading = codeOf(buffer(readable));
    controller.abort();
    expect(await reading).toBe("cancelled");
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });
});

describe("stream()", () => {
  test("copies into a writable and says how many bytes", async () => {
    const served = await serveStream(["one", "two"]);
    const destination = new PassThrough();
    const copied = text(destination);
    expect(await stream(destination, served.url)).toBe(6);
    expect(await copied).toBe("onetwo");
  });

  test("destroys the writable where the stream is cut short, and the stream where the writable fails", async () => {
    const served = await serveStream(failing(10));
    const destination = new PassThrough().resume();
    expect(await codeOf(stream(destination, served.url))).toBe("truncated_stream");
    expect(destination.destroyed).toBe(true);
    await using registry = createRegistry();
    const other = await serveStream(new PassThrough());
    const closed = new PassThrough();
    const copying = stream(closed, other.url, { registry });
    await until(() => closed.listenerCount("drain") + closed.listenerCount("close") > 1);
    closed.destroy(new AcommError("cancelled", "enough"));
    expect(await codeOf(copying)).toBe("cancelled");
    expect(await codeOf(other.done)).toBe("truncated_stream");
  });

  test("to a writable that is destroyed already leaves no reader behind", async () => {
    const served = await serveStream(new PassThrough());
    const destination = new PassThrough();
    destination.destroy();
    await expect(stream(destination, served.url)).rejects.toThrow();
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });
});
