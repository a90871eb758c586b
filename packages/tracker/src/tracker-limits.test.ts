import { createRequest, createResponse } from "@acomm/protocol";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { admitTargets, openStream, respond } from "@acomm/transport";
import { stat } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import type { TrackerOptions } from "./tracker-options.ts";
import { Tracker } from "./tracker.ts";

async function startTracker(options: TrackerOptions): Promise<Tracker> {
  const tracker = new Tracker(options);
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

test("the limits of the response socket are options, whether its path is given or not", async () => {
  await using directory = await temporaryDirectory();
  for (const socketPath of [undefined, directory.socket("responses")]) {
    const tracker = await startTracker({ socketPath, listener: { maxFrameBytes: 200 } });
    const request = createRequest({ task: "t", responseHook: tracker.url });
    tracker.trackRequest(request);
    expect(await codeOf(respond(request, createResponse(request, { result: "x".repeat(200) })))).toBe("frame_too_large");
    expect(await codeOf(respond(request, createResponse(request, { result: "x" })))).toBe("fulfilled");
  }
  expect(thrownBy(() => new Tracker({ socketPath: "/run/a.sock", listener: { maxConnections: 0 } })).message).toMatch("maxConnections");
});

test.skipIf(process.getgid === undefined)("a group may be let in to the response socket", async () => {
  await using directory = await temporaryDirectory();
  const tracker = await startTracker({ socketPath: directory.socket("responses"), listener: { group: process.getgid?.() } });
  expect((await stat(tracker.address)).mode & 0o777).toBe(0o660);
});

test("a stream may be given less time to be opened", async () => {
  const errors: string[] = [];
  const tracker = await startTracker({ onError: (error) => { errors.push(error.code); } });
  const url = await tracker.createUnixStream(["bytes"], { openTimeoutMs: 20 });
  await expect.poll(() => errors).toEqual(["timeout"]);
  expect(await codeOf(openStream(url))).toBe("unavailable");
  expect(await codeOf(tracker.createUnixStream(["bytes"], { idleTimeoutMs: 0 }))).toBe("bad_field");
});

test("an answer is forwarded to a hook where nobody listens for hookTimeoutMs", async () => {
  const errors: string[] = [];
  const origin = "http://127.0.0.1:1";
  const tracker = await startTracker({ hookTimeoutMs: 50, admit: admitTargets({ origins: [origin] }), onError: (error) => { errors.push(error.code); } });
  const original = createRequest({ task: "t", responseHook: `${origin}/` });
  const proxied = await tracker.proxyUnix(original);
  const startedAt = performance.now();
  await respond(proxied, createResponse(proxied, { result: 1 }));
  await expect.poll(() => errors).toEqual(["undeliverable"]);
  expect(performance.now() - startedAt).toBeLessThan(2000); // by default it would be five seconds
  expect(thrownBy(() => new Tracker({ hookTimeoutMs: 0 })).message).toMatch("hookTimeoutMs");
});
