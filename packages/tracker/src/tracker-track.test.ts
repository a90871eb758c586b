import { createRequest, createResponse } from "@acomm/protocol";
import type { AcommError, Request, Response } from "@acomm/protocol";
import { errorChannelName, respond as respondOver, send } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { codeOf, thrownBy } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

let network: TestNetwork;
let tracker: Tracker;
let errors: AcommError[];

beforeEach(async () => {
  errors = [];
  network = await openTestNetwork();
  tracker = new Tracker({ ...network.trackerOptions(), onError: (error) => errors.push(error) });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
    await network[Symbol.asyncDispose]();
  });
});

const respond = (request: Request, response: Response): Promise<void> => respondOver(request, response, network.options);

/** A tracked request and what its handlers get. */
function track(options: { id?: string; timeoutMs?: number } = {}) {
  const outcomes: string[] = [];
  const settled = Promise.withResolvers<Response>();
  const take = (kind: string) => (_: unknown, response: Response) => {
    outcomes.push(`${kind}:${response.error}`);
    settled.resolve(response);
  };
  const request = createRequest({ task: "t", responseHook: tracker.url, onSuccess: take("success"), onError: take("error"), id: options.id });
  return { request, outcomes, settled: settled.promise, track: () => { tracker.trackRequest(request, { timeoutMs: options.timeoutMs }); } };
}

test("a response that comes to the socket runs the success handler, once", async () => {
  const { request, outcomes, settled, track: start } = track();
  start();
  expect(tracker.pendingCount).toBe(1);
  await respond(request, createResponse(request, { result: { a: 1 } }));
  expect((await settled).result).toEqual({ a: 1 });
  expect(await codeOf(respond(request, createResponse(request, { result: 2 })))).toBe("unknown_id");
  expect(outcomes).toEqual(["success:"]);
  expect(tracker.pendingCount).toBe(0);
});

test("a response with an error runs the error handler", async () => {
  const { request, outcomes, settled, track: start } = track();
  start();
  await respond(request, createResponse(request, { error: "no" }));
  await settled;
  expect(outcomes).toEqual(["error:no"]);
});

test("no response in time runs the error handler with timeout", async () => {
  const { outcomes, settled, track: start } = track({ timeoutMs: 30 });
  start();
  expect((await settled).error).toMatch(/^timeout: request ".*" \(t\) has no response after 30 ms$/);
  expect(outcomes).toHaveLength(1);
  expect(tracker.pendingCount).toBe(0);
});

test("handleResponse takes a response that came some other way", () => {
  const { request, outcomes, track: start } = track();
  start();
  tracker.handleResponse(createResponse(request, { result: 1 }));
  expect(outcomes).toEqual(["success:"]);
  expect(thrownBy(() => { tracker.handleResponse(createResponse(request)); }).code).toBe("unknown_id");
  expect(tracker.refusedCount).toBe(1);
});

test("S13 a second request with a known id is refused, and the first lives on", async () => {
  const first = track({ id: "same" });
  const second = track({ id: "same" });
  first.track();
  expect(thrownBy(second.track).code).toBe("duplicate_id");
  expect(tracker.removeRequest(second.request)).toBe(false);
  await respond(first.request, createResponse(first.request, { result: 1 }));
  await first.settled;
  expect(first.outcomes).toEqual(["success:"]);
  expect(second.outcomes).toEqual([]);
  second.track();
  expect(tracker.removeRequest(second.request)).toBe(true);
});

test("removeRequest ends it without an outcome, and says whether it was open", async () => {
  const { request, outcomes, track: start } = track();
  expect(tracker.removeRequest(request)).toBe(false);
  start();
  expect(tracker.removeRequest(request)).toBe(true);
  expect(tracker.removeRequest(request)).toBe(false);
  expect(tracker.pendingCount).toBe(0);
  expect(await codeOf(respond(request, createResponse(request)))).toBe("unknown_id");
  expect(outcomes).toEqual([]);
});

test("F41 what a handler throws is contained, acknowledged all the same, and reported", async () => {
  const published: unknown[] = [];
  const onMessage = (message: unknown): void => void published.push(message);
  subscribe(errorChannelName, onMessage);
  onTestFinished(() => void unsubscribe(errorChannelName, onMessage));
  const request = createRequest({
    task: "t",
    responseHook: tracker.url,
    onSuccess() {
      throw new Error("handler bug");
    },
  });
  tracker.trackRequest(request);
  await respond(request, createResponse(request, { result: 1 }));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ code: "remote", cause: { message: "handler bug" } });
  expect(published).toEqual([{ error: errors[0] }]);
});

test("F41 what a handler rejects with is contained and reported as well", async () => {
  const request = createRequest({ task: "t", responseHook: tracker.url, onSuccess: () => Promise.reject(new Error("async handler bug")) });
  tracker.trackRequest(request);
  await respond(request, createResponse(request, { result: 1 }));
  await expect.poll(() => errors).toMatchObject([{ code: "remote", cause: { message: "async handler bug" } }]);
});

test("a request without handlers is settled in silence", async () => {
  const request = createRequest({ task: "t", responseHook: tracker.url });
  tracker.trackRequest(request);
  await respond(request, createResponse(request));
  expect(tracker.pendingCount).toBe(0);
  expect(errors).toEqual([]);
});

test("a request at the socket is no response: bad_field, nothing is claimed", async () => {
  const { request, outcomes, track: start } = track();
  start();
  expect(await codeOf(send(tracker.url, { ...request, id: "" }, network.options))).toBe("bad_field");
  expect(outcomes).toEqual([]);
});
