import type { Request } from "@acomm/protocol";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import { Tracker } from "./tracker.ts";

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
});

async function startTracker(): Promise<Tracker> {
  const tracker = new Tracker();
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 1000 }); });
  return tracker;
}

describe("a call that is given up", () => {
  test("before its acknowledgement is here, and so before anybody knows what the peer understands, is taken back as soon as that is known", async () => {
    const tracker = await startTracker();
    const seen: Request[] = [];
    const cancelled = Promise.withResolvers<Request>();
    const arrived = Promise.withResolvers<(text: string) => void>();
    const peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      seen.push(request);
      if (request.task === "acomm.cancel") cancelled.resolve(request);
      else arrived.resolve(say);
    });
    onTestFinished(() => peer[Symbol.asyncDispose]());
    const giveUp = new AbortController();
    const call = tracker.request(peer.url, { task: "t", signal: giveUp.signal });
    const say = await arrived.promise;
    giveUp.abort();
    expect(await codeOf(call)).toBe("cancelled");
    say(acknowledgements.reply);
    expect((await cancelled.promise).args).toEqual({ id: seen[0]?.id });
  });

  test("is not told to a peer that doesn't understand it", async () => {
    const tracker = await startTracker();
    const kept = '{"error":"","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true,"reply":true}}';
    const peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      say(kept);
      if (request.task === "last") say(answerText(request.id, 1));
    });
    onTestFinished(() => peer[Symbol.asyncDispose]());
    const giveUp = new AbortController();
    expect(await tracker.request(peer.url, { task: "last" })).toBe(1);
    const call = tracker.request(peer.url, { task: "t", signal: giveUp.signal });
    giveUp.abort();
    expect(await codeOf(call)).toBe("cancelled");
    expect(await tracker.request(peer.url, { task: "last" })).toBe(1);
    expect(peer.requests.map(({ task }) => task)).not.toContain("acomm.cancel");
  });
});
