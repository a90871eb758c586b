import { openStream, serveUnixStream, stream } from "acomm";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { Features } from "./feature.ts";
import { codeOf } from "./setup.ts";

const pieceBytes = 64 * 1024;

/** Pieces that all differ, and the hash of them. */
function piecesOf(sizeBytes: number): { readonly pieces: readonly Buffer[]; readonly sha256: string } {
  const pieces = Array.from({ length: sizeBytes / pieceBytes }, (_, index) => Buffer.alloc(pieceBytes, `${index}.`));
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return { pieces, sha256: hash.digest("hex") };
}

function* cut(): Generator<string> {
  yield "first";
  throw new Error("the disk is gone");
}

export const streams: Features = {
  "a stream of 64 MiB, read as a Node stream, by a function, and through a relay": async (directory) => {
    const { pieces, sha256 } = piecesOf(64 * 1024 * 1024);
    const served = await serveUnixStream(pieces, { directory });
    const hash = createHash("sha256");
    for await (const piece of (await openStream(served.url)) as AsyncIterable<Buffer>) hash.update(piece);
    assert.equal(hash.digest("hex"), sha256);
    await served.done;
    const origin = await serveUnixStream(pieces, { directory });
    const relay = await serveUnixStream(await openStream(origin.url), { directory });
    const relayed = createHash("sha256");
    await stream(async (piece) => {
      relayed.update(piece);
      if (piece.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }, relay.url);
    assert.equal(relayed.digest("hex"), sha256);
    await Promise.all([origin.done, relay.done]);
  },
  "a stream is read as fast as its reader takes it": async (directory) => {
    let given = 0;
    const served = await serveUnixStream((function* () {
      for (; given < 1000; given += 1) yield Buffer.alloc(pieceBytes);
    })(), { directory });
    const readable = await openStream(served.url);
    const outcome = codeOf(served.done);
    await once(readable, "readable");
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(given < 100, `${given} of 1000 pieces were taken for a reader that takes none`);
    readable.destroy();
    assert.equal(await outcome, "truncated_stream");
  },
  "a stream that is cut short is an error": async (directory) => {
    const served = await serveUnixStream(cut(), { directory });
    const outcome = served.done.catch(() => undefined);
    assert.equal(await codeOf(text(await openStream(served.url))), "truncated_stream");
    await outcome;
  },
  "what was written right before the cut arrives, every time": async (directory) => {
    let arrived = 0;
    for (let count = 0; count < 50; count += 1) {
      const served = await serveUnixStream(cut(), { directory });
      const outcome = served.done.catch(() => undefined);
      await stream((piece) => { arrived += piece.length; }, served.url).catch(() => undefined);
      await outcome;
    }
    assert.equal(arrived, 50 * "first".length);
  },
  "a reader that takes nothing is given up in time": async (directory) => {
    const served = await serveUnixStream([Buffer.alloc(8 * 1024 * 1024)], { directory, idleTimeoutMs: 100 });
    const outcome = codeOf(served.done);
    const reader = connect(decodeURIComponent(served.url.pathname)).pause();
    reader.on("error", () => undefined);
    const late = new Promise<string>((resolve) => setTimeout(resolve, 5_000, "nothing after 5 s"));
    const first = await Promise.race([outcome, late]);
    reader.destroy();
    assert.equal(first, "timeout");
  },
  "a stream into an HTTP response, at the pace of a slow reader": async (directory) => {
    const { pieces, sha256 } = piecesOf(16 * 1024 * 1024);
    const served = await serveUnixStream(pieces, { directory });
    const server = createServer((_, response) => { stream(response, served.url).catch(() => response.destroy()); }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { body } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { signal: AbortSignal.timeout(10_000) });
    const hash = createHash("sha256");
    for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(hash.digest("hex"), sha256);
    await served.done;
    server.close();
  },
};
