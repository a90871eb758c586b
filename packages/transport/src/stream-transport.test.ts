import { parseUrl } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import { startRawPeer } from "./fixtures/raw.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { createStreamTransport } from "./stream-transport.ts";
import type { StreamTransportInit } from "./stream-transport.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

const own = (connect: StreamTransportInit["connect"]): Transport => createStreamTransport({ schemes: ["own"], connect });
const url = parseUrl("own://there/");
const silent = (): Duplex => new Duplex({ read() {}, write: (_chunk, _encoding, done) => { done(); } });

describe("opening a stream", () => {
  test("ends by its signal and its timeout while it connects", async () => {
    const controller = new AbortController();
    const never = own((_url, signal) => new Promise((_, reject) => { signal.addEventListener("abort", () => { reject(signal.reason as AcommError); }); }));
    const cancelled = codeOf(never.openStream(url, { signal: controller.signal }));
    controller.abort();
    expect(await cancelled).toBe("cancelled");
    expect(await errorOf(never.openStream(url, { timeoutMs: 10 }))).toMatchObject({ code: "timeout", message: "open the stream own://there/: no connection within 10 ms" });
    await using raw = await startRawPeer(directory.socket("a"));
    const unix = createUnixTransport();
    const other = new AbortController();
    const opening = codeOf(unix.openStream(parseUrl(raw.url), { signal: other.signal }));
    other.abort();
    expect(await opening).toBe("cancelled");
    await unix.close();
  });

  test("drops a connection that comes after it was given up", async () => {
    const controller = new AbortController();
    const late = Promise.withResolvers<Duplex>();
    const opening = codeOf(own(() => late.promise).openStream(url, { signal: controller.signal }));
    controller.abort();
    const stream = silent();
    const closed = new Promise((resolve) => stream.once("close", resolve));
    late.resolve(stream);
    expect(await opening).toBe("cancelled");
    await closed;
  });

  test("translates what its connect throws", async () => {
    expect(await codeOf(own(() => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" }))).openStream(url, {}))).toBe("bad_address");
    expect(await codeOf(own(() => Promise.reject(new Error("no"))).openStream(url, {}))).toBe("unavailable");
  });
});

test("a byte stream that closes without an end is truncated_stream at its reader", async () => {
  const stream = silent();
  const readable = await own(() => Promise.resolve(stream)).openStream(url, {});
  const failure = new Promise((resolve) => readable.once("error", resolve));
  readable.resume();
  stream.destroy();
  expect(await failure).toMatchObject({ code: "truncated_stream", message: "read the stream own://there/: cut short after 0 bytes" });
});
