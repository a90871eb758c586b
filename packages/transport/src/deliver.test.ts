import { createRequest, createResponse } from "@acomm/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deliverResponse } from "./deliver.ts";
import { errorOf, temporaryDirectory } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { createRegistry } from "./registry.ts";
import type { TransportRegistry } from "./registry.ts";
import { admitTargets } from "./target-policy.ts";
import { createUnixTransport } from "./unix/transport.ts";

let directory: TemporaryDirectory;
let registry: TransportRegistry;
beforeEach(async () => {
  directory = await temporaryDirectory();
  registry = createRegistry([createUnixTransport({ maxFrameBytes: 300 })]);
});
afterEach(async () => {
  await registry.close();
  await directory[Symbol.asyncDispose]();
});

test("a response that is longer than a frame becomes an error response, an error that is as long is undeliverable", async () => {
  await using hook = await startRawPeer(directory.socket("hook"), (_text, connection) => { connection.say(acknowledgements.keepAlive); });
  const request = createRequest({ task: "t", id: "a", responseHook: hook.url });
  const options = { registry, admit: admitTargets(), timeoutMs: 1000 };
  await deliverResponse(request, createResponse(request, { result: "x".repeat(400) }), options);
  expect(hook.frames.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ id: "a", error: expect.stringMatching(/^frame_too_large/) as string, result: null }]);
  expect(await errorOf(deliverResponse(request, createResponse(request, { error: "x".repeat(400) }), options))).toMatchObject({ code: "undeliverable", cause: { code: "frame_too_large" } });
  expect(hook.frames).toHaveLength(1);
});

test("without a hook, or cancelled, it is undeliverable", async () => {
  const request = createRequest({ task: "t", id: "a" });
  const options = { registry, admit: admitTargets(), timeoutMs: 1000 };
  expect((await errorOf(deliverResponse(request, createResponse(request), options))).message).toBe('the response to request "a" (t) has no hook to go to');
  const hooked = createRequest({ task: "t", id: "a", responseHook: `unix://${directory.socket("nowhere")}` });
  const controller = new AbortController();
  const outcome = errorOf(deliverResponse(hooked, createResponse(hooked), { ...options, timeoutMs: 60_000, signal: controller.signal }));
  setImmediate(() => { controller.abort(); });
  expect(await outcome).toMatchObject({ code: "undeliverable", cause: { code: "cancelled" } });
  const unknown = createRequest({ task: "t", id: "a", responseHook: "memory://a" });
  expect(await errorOf(deliverResponse(unknown, createResponse(unknown), { ...options, admit: () => true }))).toMatchObject({ code: "undeliverable", cause: { code: "unknown_scheme" } });
});
