import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { createServer, get } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createRegistry } from "./registry.ts";
import { openStream, stream } from "./stream.ts";
import type { StreamSource } from "./stream-writer.ts";
import type { Transport } from "./transport.ts";
import { serveUnixStream } from "./unix/stream.ts";
import type { UnixStream } from "./unix/stream.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

const serveStream = (source: StreamSource | (() => Promise<StreamSource>)): Promise<UnixStream> => serveUnixStream(source, { directory: directory.path });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** More than every buffer on the way holds, in pieces of all sizes. */
const bytes = randomBytes(12 * 1024 * 1024);
function* pieces(): Generator<Buffer> {
  for (let start = 0, length = 1; start < bytes.length; start += length, length = (length * 3 + 1) % 300_000) yield bytes.subarray(start, start + length);
}

/** Gives a piece, then fails. */
async function* cut(): AsyncGenerator<Buffer> {
  yield Buffer.from("first");
  await turn();
  throw new Error("the disk is gone");
}

/** Serves by HTTP; gives the URL. */
async function serveHttp(listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("stream() to a function", () => {
  test("gives it every byte in order, and says how many there were", async () => {
    const served = await serveStream(pieces());
    const hash = createHash("sha256");
    expect(await stream((chunk) => void hash.update(chunk), served.url)).toBe(bytes.length);
    expect(hash.digest("hex")).toBe(digest(bytes));
    await served.done;
  });

  test("gives it no more than 64 KiB at once, so that the writer works meanwhile", async () => {
    const served = await serveStream(pieces());
    let longest = 0;
    await stream(async (chunk) => {
      longest = Math.max(longest, chunk.length);
      await turn(); // the writer has filled what the kernel holds
    }, served.url);
    expect(longest).toBe(64 * 1024);
    await served.done;
  });

  test("reads no further while what it returned has not settled, and leaves the chunk alone until then", async () => {
    const served = await serveStream(pieces());
    const hash = createHash("sha256");
    let isBusy = false;
    await stream(async (chunk) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      const before = digest(chunk);
      for (let turns = 0; turns < 3; turns += 1) await turn();
      expect(digest(chunk)).toBe(before);
      hash.update(chunk);
      isBusy = false;
    }, served.url);
    expect(hash.digest("hex")).toBe(digest(bytes));
  });

  test("of an empty stream gives it nothing", async () => {
    const served = await serveStream([]);
    expect(await stream(() => { throw new Error("called"); }, served.url)).toBe(0);
    await served.done;
  });

  test.each([
    ["throws", () => { throw new Error("no room"); }],
    ["rejects", () => Promise.reject(new Error("no room"))],
  ])("fails with what it %s, and its writer learns of it", async (_, take) => {
    const served = await serveStream(pieces());
    await expect(stream(take, served.url)).rejects.toThrow("no room");
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });

  test("fails with truncated_stream where the stream is cut", async () => {
    const served = await serveStream(cut());
    let text = "";
    const error = await errorOf(stream((chunk) => { text += chunk.toString(); }, served.url));
    expect([error.code, text]).toEqual(["truncated_stream", "first"]);
    await expect(served.done).rejects.toThrow("the disk is gone");
  });

  test("ends when its signal aborts, even while it is busy", async () => {
    const served = await serveStream(pieces());
    const controller = new AbortController();
    const outcome = codeOf(stream(() => {
      controller.abort();
      return new Promise(() => undefined);
    }, served.url, { signal: controller.signal }));
    expect(await outcome).toBe("cancelled");
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });

  test("takes a function that returns something for no reason", async () => {
    const served = await serveStream(pieces());
    const hash = createHash("sha256");
    expect(await stream(hash.update.bind(hash) as unknown as () => void, served.url)).toBe(bytes.length);
    expect(hash.digest("hex")).toBe(digest(bytes));
  });

  test("takes what comes by HTTP, and by a transport of one's own", async () => {
    const url = await serveHttp((_, response) => void Readable.from(pieces()).pipe(response));
    const own: Transport = { schemes: ["own"], send: () => Promise.reject(new Error("no messages")), openStream: () => Promise.resolve(Readable.from(pieces())), close: () => Promise.resolve() };
    for (const [target, registry] of [[url, undefined], ["own://x", createRegistry([own])]] as const) {
      const hash = createHash("sha256");
      expect(await stream(async (chunk) => void hash.update(chunk), target, { registry })).toBe(bytes.length);
      expect(hash.digest("hex")).toBe(digest(bytes));
      expect(await stream(new Writable({ write: (_chunk, _encoding, done) => { done(); } }), target, { registry })).toBe(bytes.length);
    }
  });
});

describe("stream() to a writable", () => {
  test("that keeps its chunks gets memory of its own", async () => {
    const kept: Buffer[] = [];
    const keeper = new Writable({ write(chunk: Buffer, _encoding, done) { kept.push(chunk); done(); } });
    const passed = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
    for (const destination of [keeper, passed]) {
      const served = await serveStream(pieces());
      expect(await stream(destination, served.url)).toBe(bytes.length);
    }
    expect(digest(Buffer.concat(kept))).toBe(digest(bytes));
    expect(digest(await buffer(passed))).toBe(digest(bytes));
  });

  test("that is a file writes every byte", async () => {
    const path = join(directory.path, "file");
    const served = await serveStream(pieces());
    expect(await stream(createWriteStream(path), served.url)).toBe(bytes.length);
    expect(digest(await buffer(createReadStream(path)))).toBe(digest(bytes));
  });

  test("that is an HTTP response, its write replaced or not, gets every byte at the pace of a slow reader", async () => {
    for (const isReplaced of [false, true]) {
      const served = await serveStream(pieces());
      let copied: Promise<number> | undefined;
      const url = await serveHttp((_, response) => {
        const kept = new PassThrough();
        // as a middleware that compresses: it keeps chunks and calls nobody back
        if (isReplaced) response.write = (chunk: Buffer) => kept.write(chunk);
        const end = response.end.bind(response);
        const write = Object.getPrototypeOf(response).write as ServerResponse["write"];
        kept.on("data", (chunk: Buffer) => void write.call(response, chunk, "utf8"));
        kept.on("end", () => void end());
        if (isReplaced) response.end = () => { kept.end(); return response; };
        kept.on("drain", () => void response.emit("drain"));
        copied = stream(response, served.url);
      });
      const [response] = (await once(get(url, { agent: false }), "response")) as [IncomingMessage];
      const hash = createHash("sha256");
      for await (const chunk of response as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await turn();
      }
      expect(hash.digest("hex")).toBe(digest(bytes));
      expect(await copied).toBe(bytes.length);
    }
  });

  test("that fails, or is ended by somebody else, fails the copy and tells the stream's writer", async () => {
    for (const [createDestination, message] of [
      [() => createWriteStream(join(directory.path, "none", "file")), /ENOENT/],
      [() => new Writable({ write: (_chunk, _encoding, done) => { done(new Error("full")); } }), /full/],
    ] as const) {
      const served = await serveStream(pieces());
      await expect(stream(createDestination(), served.url)).rejects.toThrow(message);
      expect(await codeOf(served.done)).toBe("truncated_stream");
    }
    const served = await serveStream(pieces());
    const file = createWriteStream(join(directory.path, "ended"));
    const copied = stream(file, served.url);
    await once(file, "open");
    file.end();
    await expect(copied).rejects.toThrow();
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });
});

describe("a stream that is served again", () => {
  test("arrives whole through a relay, at the pace of a slow reader", async () => {
    const served = await serveStream(pieces());
    const relayed = await serveStream(() => openStream(served.url));
    const hash = createHash("sha256");
    await stream(async (chunk) => {
      hash.update(chunk);
      for (let turns = 0; turns < 10; turns += 1) await turn(); // so that the relay has more than the kernel takes
    }, relayed.url);
    expect(hash.digest("hex")).toBe(digest(bytes));
    await Promise.all([served.done, relayed.done]);
  });

  test("is cut on the other side of the relay as well, with what came before the cut", async () => {
    const served = await serveStream(cut());
    const relayed = await serveStream(() => openStream(served.url));
    let text = "";
    expect(await codeOf(stream((chunk) => { text += chunk.toString(); }, relayed.url))).toBe("truncated_stream");
    expect(text).toBe("first");
    expect(await codeOf(relayed.done)).toBe("truncated_stream");
  });

  test("is given up by its first writer when the last reader leaves", async () => {
    const served = await serveStream(pieces());
    const relayed = await serveStream(() => openStream(served.url));
    await expect(stream(() => { throw new Error("enough"); }, relayed.url)).rejects.toThrow("enough");
    expect(await codeOf(relayed.done)).toBe("truncated_stream");
    expect(await codeOf(served.done)).toBe("truncated_stream");
  });
});
