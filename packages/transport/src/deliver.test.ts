import { createRequest, createResponse } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deliverResponse } from "./deliver.ts";
import { errorOf, temporaryDirectory } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour } from "./fixtures/raw.ts";
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

/** `undeliverable` with the code of its cause, or `fulfilled`. */
const errorCodeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "fulfilled", (error: unknown) => `${(error as AcommError).code}: ${((error as AcommError).cause as AcommError).code}`);

test("a response that is longer than a frame becomes an error response, an error that is as long is undeliverable", async () => {
  await using hook = await startRawPeer(directory.socket("hook"), (_text, connection) => { connection.say(acknowledgements.keepAlive); });
  const request = createRequest({ task: "t", id: "a", responseHook: hook.url });
  const options = { registry, admit: admitTargets(), timeoutMs: 1000 };
  await deliverResponse(request, createResponse(request, { result: "x".repeat(400) }), options);
  expect(hook.frames.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ id: "a", error: expect.stringMatching(/^frame_too_large/) as string, result: null }]);
  expect(await errorOf(deliverResponse(request, createResponse(request, { error: "x".repeat(400) }), options))).toMatchObject({ code: "undeliverable", cause: { code: "frame_too_large" } });
  expect(hook.frames).toHaveLength(1);
});

describe("where the exchange breaks off after the response was read, it is sent again", () => {
  const delivered = async (behave: Behaviour): Promise<{ readonly outcome: string; readonly frames: number }> => {
    await using hook = await startRawPeer(directory.socket("hook"), behave);
    const request = createRequest({ task: "t", id: "a", responseHook: hook.url });
    const outcome = await errorCodeOf(deliverResponse(request, createResponse(request), { registry, admit: admitTargets(), timeoutMs: 5000 }));
    return { outcome, frames: hook.frames.length };
  };
  const refusal = (error: string): string => JSON.stringify({ error, id: "", result: null, stream_url: null });

  test("F6 and is delivered where it is taken then, or is known already", async () => {
    for (const second of [acknowledgements.once, refusal("unknown_id: it was answered")]) {
      expect(await delivered((_text, connection, index) => {
        if (index > 0) connection.say(second);
        connection.socket.end();
      })).toEqual({ outcome: "fulfilled", frames: 2 });
    }
  });

  test("three times, then nobody knows; a refusal at first is a refusal", async () => {
    expect(await delivered((_text, connection) => { connection.socket.end(); })).toEqual({ outcome: "undeliverable: ambiguous", frames: 3 });
    expect(await delivered((_text, connection) => { connection.say(refusal("unknown_id: nobody waits")); })).toEqual({ outcome: "undeliverable: unknown_id", frames: 1 });
    expect(await delivered((_text, connection, index) => {
      if (index > 0) connection.say(refusal("bad_field: later"));
      connection.socket.end();
    })).toEqual({ outcome: "undeliverable: bad_field", frames: 2 });
  });
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
