import { createRequest, createResponse } from "@acomm/protocol";
import { openStream, respond, serve, UnixListener } from "@acomm/transport";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

async function startTracker(): Promise<Tracker> {
  const tracker = new Tracker();
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
  expect(await codeOf(tracker.request("unix:///run/x.sock", { task: "t" }))).toBe("stopping");
  await respond(request, createResponse(request, { result: 1 }));
  expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  expect(outcomes).toEqual(["success"]);
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

test("stop removes the socket and the directory it made", async () => {
  const tracker = await startTracker();
  const directory = dirname(tracker.address);
  await tracker.createUnixStream(["never read"]);
  expect((await readdir(directory)).length).toBe(2);
  await tracker.stop({ graceMs: 0 });
  await expect(readdir(directory)).rejects.toMatchObject({ code: "ENOENT" });
});

test("stop waits for a stream that is being read", async () => {
  const tracker = await startTracker();
  const { promise: more, resolve: goOn } = Promise.withResolvers<undefined>();
  async function* source(): AsyncGenerator<string> {
    yield "one ";
    await more;
    yield "two";
  }
  const reader = await openStream(await tracker.createUnixStream(source()));
  await once(reader, "readable");
  const stopped = tracker.stop();
  goOn(undefined);
  expect(await text(reader)).toBe("one two");
  await stopped;
});

test("stop is idempotent, safe before and during the start", async () => {
  const early = new Tracker();
  expect(await early.stop()).toEqual({ cut: [], cutConnections: 0 });
  const tracker = new Tracker();
  const started = tracker.start();
  const [first, second] = await Promise.all([tracker.stop(), tracker.stop()]);
  expect(first).toBe(second);
  await started;
  expect(await codeOf(tracker.start())).toBe("stopping");
});

test("`await using` stops it", async () => {
  let address: string;
  {
    await using tracker = new Tracker();
    await tracker.start();
    await tracker.start();
    address = tracker.address;
  }
  await expect(readdir(dirname(address))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a service that stops answers what it has accepted before its callers see the end", async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  const tracker = await startTracker();
  const listener = new UnixListener(directory.socket("service"));
  await listener.start();
  const { promise: released, resolve: release } = Promise.withResolvers<string>();
  const service = serve(listener, () => released);
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
