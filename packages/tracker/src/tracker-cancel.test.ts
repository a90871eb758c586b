import type { Request } from "@acomm/protocol";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { getEventListeners } from "node:events";
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

describe("calls with one signal", () => {
  const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

  test("hang on it by one listener, which goes with the last of them, and all end when it aborts", async () => {
    const tracker = await startTracker();
    const peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      say(acknowledgements.reply);
      if (request.task === "answered") say(answerText(request.id, request.args));
    });
    onTestFinished(() => peer[Symbol.asyncDispose]());
    const [one, other] = [new AbortController(), new AbortController()];
    const call = ({ signal }: AbortController, task: string, args?: number) => tracker.request(peer.url, { task, args, signal });
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const answered = Promise.all(numbers.map((number) => call(one, "answered", number)));
    const waiting = numbers.map((number) => codeOf(call(number % 2 === 0 ? one : other, "open")));
    expect(listenersOf(one.signal)).toBeLessThan(15); // those that follow one another share it
    expect(await answered).toEqual(numbers);
    one.abort();
    expect(await Promise.all(waiting.filter((_, index) => index % 2 === 0))).toEqual(Array.from({ length: 10 }, () => "cancelled"));
    expect(tracker.pendingCount).toBe(10);
    other.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["cancelled"]));
    expect([listenersOf(one.signal), listenersOf(other.signal), tracker.pendingCount]).toEqual([0, 0, 0]);
  });

  test("and with that of a parent end with either, and leave both", async () => {
    const tracker = await startTracker();
    const peer = await startRawPeer(directory.socket("peer"), (_request, say) => { say(acknowledgements.reply); });
    onTestFinished(() => peer[Symbol.asyncDispose]());
    for (const which of [0, 1] as const) {
      const controllers = [new AbortController(), new AbortController()] as const;
      const [own, parent] = controllers;
      const call = codeOf(tracker.request(peer.url, { task: "t", signal: own.signal, parent: { signal: parent.signal } }));
      controllers[which].abort();
      expect(await call).toBe("cancelled");
      expect(controllers.map(({ signal }) => listenersOf(signal))).toEqual([0, 0]);
    }
  });

  test("whose parent has ended, or is none, are not sent", async () => {
    const tracker = await startTracker();
    const peer = await startRawPeer(directory.socket("peer"), () => undefined);
    onTestFinished(() => peer[Symbol.asyncDispose]());
    expect(await codeOf(tracker.request(peer.url, { task: "t", parent: { signal: AbortSignal.abort() } }))).toBe("cancelled");
    for (const parent of [{}, { signal: new AbortController() }]) expect(await codeOf(tracker.request(peer.url, { task: "t", parent: parent as never }))).toBe("bad_field");
    expect([tracker.pendingCount, peer.requests]).toEqual([0, []]);
  });
});
