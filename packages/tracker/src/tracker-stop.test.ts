import { createRequest, createResponse } from "@acomm/protocol";
import { openStream, respond, serve } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { codeOf } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

let network: TestNetwork;
beforeEach(async () => {
  network = await openTestNetwork();
  onTestFinished(() => network[Symbol.asyncDispose]());
});

async function startTracker(): Promise<Tracker> {
  const tracker = new Tracker(network.trackerOptions());
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
  });
  return tracker;
}

test("stop refuses new requests and waits for those that are open", async () => {
  const tracker = await startTracker();
  const outcomes: string[] = [];
  const request = createRequest({ task: "t", responseHook: tracker.url, onSuccess: () => void outcomes.push("success") });
  tracker.trackRequest(request);
  const stopped = tracker.stop();
  expect(await codeOf(tracker.request(network.urlOf("x"), { task: "t" }))).toBe("stopping");
  await respond(request, createResponse(request, { result: 1 }), network.options);
  expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  expect(outcomes).toEqual(["success"]);
});

test("what is cut as soon as it was asked for is not younger than that", async () => {
  for (let turn = 0; turn < 20; turn += 1) {
    const tracker = await startTracker();
    tracker.trackRequest(createRequest({ id: "young", task: "t", responseHook: tracker.url }), { timeoutMs: 1000 });
    const { cut } = await tracker.stop({ graceMs: 0 });
    expect(cut[0]?.ageMs).toBeGreaterThanOrEqual(0);
  }
});

test("F39 after graceMs what is left fails with stopping, and the report says what it was", async () => {
  const tracker = await startTracker();
  const errors: string[] = [];
  tracker.trackRequest(createRequest({ id: "stuck", task: "t", responseHook: tracker.url, onError: (_, response) => void errors.push(response.error) }));
  const report = await tracker.stop({ graceMs: 50 });
  expect(report.cut).toMatchObject([{ id: "stuck", task: "t" }]);
  expect(report.cut[0]?.ageMs).toBeGreaterThan(25);
  expect(errors).toEqual([expect.stringMatching(/^stopping: /)]);
  expect(tracker.pendingCount).toBe(0);
});

test("stop waits for a stream that is being read", async () => {
  const tracker = await startTracker();
  const { promise: more, resolve: goOn } = Promise.withResolvers<undefined>();
  async function* source(): AsyncGenerator<string> {
    yield "one ";
    await more;
    yield "two";
  }
  const reader = await openStream(await tracker.createStream(source()), network.options);
  await once(reader, "readable");
  const stopped = tracker.stop();
  goOn(undefined);
  expect(await text(reader)).toBe("one two");
  await stopped;
});

test("stop is idempotent, safe before and during the start", async () => {
  const early = new Tracker(network.trackerOptions());
  expect(await early.stop()).toEqual({ cut: [], cutConnections: 0 });
  const tracker = new Tracker(network.trackerOptions());
  const started = tracker.start();
  const [first, second] = await Promise.all([tracker.stop(), tracker.stop()]);
  expect(first).toBe(second);
  await started;
  expect(await codeOf(tracker.start())).toBe("stopping");
});

test("a service that stops answers what it has accepted before its callers see the end", async () => {
  const tracker = await startTracker();
  const listener = network.createListener("service");
  await listener.start();
  const { promise: released, resolve: release } = Promise.withResolvers<string>();
  const service = serve(listener, () => released, network.options);
  const calls = Array.from({ length: 100 }, () => tracker.request(listener.url, { task: "t" }));
  await expect.poll(() => service.inFlightCount).toBe(100);
  const stopped = service.stop();
  expect(await codeOf(tracker.request(listener.url, { task: "late" }))).toMatch(/stopping|unavailable/);
  release("done");
  expect(await Promise.all(calls)).toEqual(Array(100).fill("done"));
  expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  expect(tracker.pendingCount).toBe(0);
});

test.each([-1, NaN, 2 ** 31])("a grace of %d ms is refused", async (graceMs) => {
  const tracker = new Tracker();
  expect(await codeOf(tracker.stop({ graceMs }))).toBe("bad_field");
  expect(await tracker.stop()).toEqual({ cut: [], cutConnections: 0 });
});
