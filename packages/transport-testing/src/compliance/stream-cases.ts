import { parseUrl } from "@acomm/protocol";
import type { StreamOptions, StreamSource } from "@acomm/transport";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { CaseBody, ComplianceStream } from "./compliance.ts";
import type { ComplianceBench } from "./bench.ts";
import { codeOf, needing, stillness, until } from "./bench.ts";

const chunkBytes = 64 * 1024;

/** Streams, where the scheme has them. */
export const streamCases: Readonly<Record<string, CaseBody>> = {
  "a stream arrives whole, whatever its chunks are": withStreams(async (bench, serve) => {
    const bytes = Buffer.alloc(3_000_017, "0123456789abcdef!");
    const sizes = [1, 3, 65_537, 1_000_000, 7];
    const served = await serve((function* () {
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        yield bytes.subarray(at, at + size);
        at += size;
      }
    })());
    const read = await buffer(await open(bench, served));
    const digest = (of: Buffer): string => createHash("sha256").update(of).digest("hex");
    assert.deepEqual([read.length, digest(read)], [bytes.length, digest(bytes)]);
    await served.done;
  }),

  "a hundred streams at once don't mix": withStreams(async (bench, serve) => {
    const all = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
      const text = `stream ${index}, `.repeat(10_000);
      const served = await serve([text]);
      const read = (await buffer(await open(bench, served))).toString();
      await served.done;
      return read === text;
    }));
    assert.ok(all.every(Boolean));
  }),

  "an empty stream is one": withStreams(async (bench, serve) => {
    const served = await serve([]);
    assert.equal((await buffer(await open(bench, served))).length, 0);
    await served.done;
  }),

  "a stream whose source fails is truncated_stream at its reader, and no end": withStreams(async (bench, serve) => {
    const served = await serve((async function* () {
      yield Buffer.alloc(200_000);
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("the source broke");
    })());
    assert.equal(await codeOf(buffer(await open(bench, served))), "truncated_stream");
    await assert.rejects(served.done);
  }),

  "a reader that takes no more holds the source back, and one that leaves ends it": withStreams(async (bench, serve) => {
    let given = 0;
    let isEnded = false;
    const served = await serve((async function* () {
      try {
        for (; given < 1000; given += 1) yield Buffer.alloc(chunkBytes);
      } finally {
        isEnded = true;
      }
    })());
    const reader = await open(bench, served);
    await once(reader, "readable");
    const held = await stillness(() => given);
    assert.ok(held < 500, `${held} chunks were taken from the source for a reader that took one`);
    reader.destroy();
    await assert.rejects(served.done);
    await until("the source is ended", () => isEnded);
  }),

  "a stream has one reader": withStreams(async (bench, serve) => {
    const served = await serve(["some bytes"]);
    assert.equal((await buffer(await open(bench, served))).toString(), "some bytes");
    await served.done;
    assert.match(await codeOf(open(bench, served).then(buffer)), /^(unavailable|truncated_stream)$/);
  }),

  "a reader that gives up is cancelled, before and while it reads; silence is a timeout": withStreams(async (bench, serve) => {
    const silent = (): Promise<ComplianceStream> => {
      const source = new PassThrough();
      source.write("first");
      return serve(source);
    };
    const first = await silent();
    assert.equal(await codeOf(open(bench, first, { signal: AbortSignal.abort() })), "cancelled");
    const controller = new AbortController();
    const reader = await open(bench, first, { signal: controller.signal });
    await once(reader, "readable");
    controller.abort();
    assert.equal(await codeOf(buffer(reader)), "cancelled");
    await assert.rejects(first.done);
    const second = await silent();
    assert.equal(await codeOf(buffer(await open(bench, second, { idleTimeoutMs: 50 }))), "timeout");
    await assert.rejects(second.done);
  }),
};

/** A case that serves streams. */
function withStreams(body: (bench: ComplianceBench, serve: (source: StreamSource) => Promise<ComplianceStream>) => Promise<void>): CaseBody {
  return needing(["streams"], (bench) => body(bench, async (source) => {
    const served = await bench.network.serveStream?.(source);
    assert.ok(served !== undefined);
    served.done.catch(() => undefined); // a case may look at other things first
    return served;
  }));
}

function open({ network }: ComplianceBench, { url }: ComplianceStream, options: StreamOptions = {}): Promise<Readable> {
  return network.transport.openStream(parseUrl(url), options);
}
