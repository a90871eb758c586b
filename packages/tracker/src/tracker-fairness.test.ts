import { serve } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
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
    await tracker.stop({ graceMs: 1000 });
  });
  return tracker;
}

/** Answers with the arguments; gives its URL. */
async function startEcho(name: string): Promise<string> {
  const listener = network.createListener(name);
  await listener.start();
  const service = serve(listener, async (request) => request.args, network.options);
  onTestFinished(async () => {
    await service.stop({ graceMs: 1000 });
  });
  return listener.url.href;
}

/** Makes calls one after the other; gives how many of the others were open when it was done. */
async function callBeside(tracker: Tracker, url: string, others: readonly Promise<unknown>[]): Promise<number> {
  let open = others.length;
  for (const other of others) void other.then(() => { open -= 1; });
  for (let count = 0; count < 20; count += 1) expect(await tracker.request(url, { task: "echo", args: count })).toBe(count);
  return open;
}

const large = "x".repeat(1024 * 1024);

test("large frames on one connection don't hold up small ones on another, towards one service", async () => {
  const [busy, other] = [await startTracker(), await startTracker()];
  const url = await startEcho("service");
  await other.request(url, { task: "echo" });
  const flood = Array.from({ length: 150 }, () => busy.request(url, { task: "echo", args: large }));
  expect(await callBeside(other, url, flood)).toBeGreaterThan(50);
  await Promise.all(flood);
});

test("a peer with large frames doesn't hold up another peer of the same tracker", async () => {
  const tracker = await startTracker();
  const [busy, other] = [await startEcho("busy"), await startEcho("other")];
  await tracker.request(other, { task: "echo" });
  const flood = Array.from({ length: 150 }, () => tracker.request(busy, { task: "echo", args: large }));
  expect(await callBeside(tracker, other, flood)).toBeGreaterThan(50);
  await Promise.all(flood);
});

test("thousands of calls to one peer don't hold up a few to another", async () => {
  const tracker = await startTracker();
  const [busy, other] = [await startEcho("busy"), await startEcho("other")];
  await tracker.request(other, { task: "echo" });
  let flooded = 0;
  let isOver = false;
  const flood = Array.from({ length: 1000 }, async () => {
    while (!isOver) {
      await tracker.request(busy, { task: "echo", args: "small" });
      flooded += 1;
    }
  });
  await callBeside(tracker, other, []);
  const before = flooded;
  isOver = true;
  await Promise.all(flood);
  expect(before).toBeLessThan(20 * 5 * 1000); // a call waits for a few turns of the others, not for thousands
});
