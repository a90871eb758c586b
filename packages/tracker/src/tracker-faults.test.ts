import { createRequest, createResponse } from "@acomm/protocol";
import { respond, send, serve, UnixListener } from "@acomm/transport";
import { once } from "node:events";
import { rename } from "node:fs/promises";
import { createServer } from "node:net";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import { Tracker } from "./tracker.ts";

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
});

async function startTracker(name = "hook"): Promise<Tracker> {
  const tracker = new Tracker({ socketPath: directory.socket(name) });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
  });
  return tracker;
}

const refusal = '{"error":"overloaded: try later","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true}}';

describe("F32 a peer that refuses a request and answers it all the same", () => {
  test("on the connection: the refusal is the outcome, the answer is refused and counted", async () => {
    const tracker = await startTracker();
    await using peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      if (request.task === "first") {
        say(acknowledgements.reply);
        say(answerText(request.id, 1));
        return;
      }
      say(refusal);
      say(answerText(request.id, 2));
    });
    expect(await tracker.request(peer.url, { task: "first" })).toBe(1); // it answers on the connection
    expect(await codeOf(tracker.request(peer.url, { task: "second" }))).toBe("overloaded");
    await expect.poll(() => tracker.refusedCount).toBe(1);
    expect(tracker.pendingCount).toBe(0);
  });

  test("at the hook: whichever comes first is the outcome, and the only one", async () => {
    const tracker = await startTracker();
    const verdicts: Promise<string>[] = [];
    await using peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      const answer = (): Promise<string> => codeOf(respond(request, createResponse(request, { result: "answer" })));
      if (request.task === "answer first") {
        verdicts.push(answer().finally(() => { say(refusal); }));
        return;
      }
      say(refusal);
      // the caller has heard the refusal before this is sent
      verdicts.push(refused.then(answer));
    });
    expect(await tracker.request(peer.url, { task: "answer first" })).toBe("answer");
    const { promise: refused, resolve } = Promise.withResolvers<string>();
    const outcome = codeOf(tracker.request(peer.url, { task: "refusal first" }));
    void outcome.then(resolve);
    expect(await outcome).toBe("overloaded");
    await expect.poll(() => verdicts.length).toBe(2);
    expect(await Promise.all(verdicts)).toEqual(["fulfilled", "unknown_id"]);
    expect([tracker.pendingCount, tracker.refusedCount]).toEqual([0, 1]);
  });
});

test("F33 F34 a tracker that starts where another one was gets the late responses of that one, and refuses them", async () => {
  const outcomes: string[] = [];
  const old = await startTracker();
  const request = createRequest({ task: "t", responseHook: old.url, onSuccess: () => void outcomes.push("success"), onError: (_request, { error }) => void outcomes.push(error.split(":")[0] ?? "") });
  old.trackRequest(request);
  await old.stop({ graceMs: 0 });
  const successor = await startTracker();
  const next = createRequest({ task: "t", responseHook: successor.url, onSuccess: () => void outcomes.push("next") });
  successor.trackRequest(next);
  expect(await codeOf(respond(request, createResponse(request, { result: "late" })))).toBe("unknown_id");
  await respond(next, createResponse(next));
  expect(outcomes).toEqual(["stopping", "next"]);
  expect([successor.pendingCount, successor.refusedCount]).toEqual([0, 1]);
});

describe("F35 a tracker that is gone when its answer is ready", () => {
  for (const leaves of ["no file", "a file that nobody listens at"] as const) {
    test(`and has left ${leaves}: one that comes back after a second gets the answer`, async () => {
      const listener = new UnixListener(directory.socket("service"));
      await listener.start();
      const { promise: ready, resolve: finish } = Promise.withResolvers<string>();
      const errors: string[] = [];
      const service = serve(listener, () => ready, { hookTimeoutMs: 10_000, onError: ({ code }) => errors.push(code) });
      onTestFinished(async () => {
        await service.stop({ graceMs: 0 });
      });
      const first = await startTracker();
      const outcomes: unknown[] = [];
      const request = createRequest({ task: "t", responseHook: first.url, onSuccess: (_request, { result }) => void outcomes.push(result) });
      await send(listener.url, request);
      await first.stop({ graceMs: 0 });
      if (leaves !== "no file") {
        const stale = createServer().listen(directory.socket("stale"));
        await once(stale, "listening");
        await rename(directory.socket("stale"), directory.socket("hook"));
        stale.close();
      }
      finish("answer");
      await new Promise((resolve) => setTimeout(resolve, 1000)); // it is tried meanwhile
      expect([service.inFlightCount, errors]).toEqual([1, []]);
      const second = await startTracker();
      second.trackRequest(request);
      await expect.poll(() => outcomes, { timeout: 5000 }).toEqual(["answer"]);
      await expect.poll(() => service.inFlightCount).toBe(0);
      expect(errors).toEqual([]);
    });
  }
});

test.each([1, -1])("F36 the clock of the machine jumps by %i h: deadlines are exact, and a signed URL lives as long as before", async (hours) => {
  const tracker = new Tracker({ socketPath: directory.socket("hook"), httpStreamUrl: "http://127.0.0.1:9/stream" });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
  });
  await using peer = await startRawPeer(directory.socket("peer"), (request, say) => {
    say(acknowledgements.reply);
    if (request.task === "echo") say(answerText(request.id, request.args));
  });
  const before = tracker.proxyStreamHttpUrl("unix:///run/a.sock");
  const real = Date.now;
  const startedAt = performance.now();
  const running = codeOf(tracker.request(peer.url, { task: "silent", timeoutMs: 400 }));
  const clock = vi.spyOn(Date, "now").mockImplementation(() => real() + hours * 3_600_000);
  onTestFinished(() => { clock.mockRestore(); });
  const started = codeOf(tracker.request(peer.url, { task: "silent", timeoutMs: 400 }));
  expect(await tracker.request(peer.url, { task: "echo", args: 1, timeoutMs: 2000 })).toBe(1);
  expect(await Promise.all([running, started])).toEqual(["timeout", "timeout"]);
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThanOrEqual(399);
  expect(tookMs).toBeLessThan(2000);
  const after = tracker.proxyStreamHttpUrl("unix:///run/a.sock");
  const lifeMs = Number(after.searchParams.get("expires")) - Number(before.searchParams.get("expires"));
  expect(lifeMs).toBeLessThan(tookMs + 5000); // the expiry moves on with the time that has passed, not with the clock
  expect(lifeMs).toBeGreaterThanOrEqual(0);
});
