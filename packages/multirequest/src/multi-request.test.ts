import { createRequest, createResponse } from "@acomm/protocol";
import type { AcommError, Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { serve } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { MultiRequest } from "./multi-request.ts";

let network: TestNetwork;
beforeEach(async () => {
  network = await openTestNetwork();
  onTestFinished(() => network[Symbol.asyncDispose]());
});

async function startTracker(options: { maxPending?: number } = {}): Promise<Tracker> {
  const tracker = new Tracker({ ...network.trackerOptions(), ...options });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
  });
  return tracker;
}

function request(options: { id?: string; onSuccess?: () => void; onError?: () => void } = {}): Request {
  return createRequest({ task: "t", responseHook: "unix:///run/x.sock", ...options });
}

function codeThrownBy(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as AcommError).code;
  }
  return "nothing";
}

test("gathers the responses by name, successes and errors, in any order", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker);
  const handled: string[] = [];
  const requests = {
    a: request({ onSuccess: () => handled.push("a") }),
    b: request({ onError: () => handled.push("b") }),
    c: request(),
  };
  for (const [name, one] of Object.entries(requests)) multi.addRequest(name, one);
  expect(multi.openCount).toBe(3);
  const responses = multi.responses();
  tracker.handleResponse(createResponse(requests.c, { result: 3 }));
  expect([...multi.partialResponses().keys()]).toEqual(["c"]);
  tracker.handleResponse(createResponse(requests.a, { result: 1 }));
  tracker.handleResponse(createResponse(requests.b, { error: "broken" }));
  expect([...(await responses)].map(([name, { result, error }]) => [name, result, error])).toEqual([
    ["a", 1, ""],
    ["b", null, "broken"],
    ["c", 3, ""],
  ]);
  expect(handled).toEqual(["a", "b"]);
  expect(tracker.pendingCount).toBe(0);
});

test("10 000 requests", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker, { timeoutMs: 60_000 });
  const requests = Array.from({ length: 10_000 }, (_, index) => request({ id: `r${index}` }));
  for (const one of requests) multi.addRequest(one.id, one);
  const responses = multi.responses();
  for (const one of requests) tracker.handleResponse(createResponse(one, { result: one.id }));
  const all = await responses;
  expect(all.size).toBe(10_000);
  for (const [name, response] of all) expect(response.result).toBe(name);
  expect(tracker.pendingCount).toBe(0);
});

test("one that gets no answer has a timeout for a response; the others keep theirs", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker, { timeoutMs: 50 });
  const [quick, slow] = [request(), request()];
  multi.addRequest("quick", quick);
  multi.addRequest("slow", slow);
  tracker.handleResponse(createResponse(quick, { result: 1 }));
  const responses = await multi.responses();
  expect(responses.get("quick")?.result).toBe(1);
  expect(responses.get("slow")?.error).toMatch(/^timeout: /);
});

test("a failing addRequest leaves nothing behind and is not waited for", async () => {
  const tracker = await startTracker({ maxPending: 2 });
  const multi = new MultiRequest(tracker);
  const [first, second] = [request({ id: "same" }), request()];
  multi.addRequest("first", first);
  expect(codeThrownBy(() => { multi.addRequest("first", second); })).toBe("bad_field");
  expect(codeThrownBy(() => { multi.addRequest("other", request({ id: "same" })); })).toBe("duplicate_id");
  multi.addRequest("second", second);
  expect(codeThrownBy(() => { multi.addRequest("third", request()); })).toBe("overloaded");
  expect(multi.openCount).toBe(2);
  tracker.handleResponse(createResponse(first, { result: 1 }));
  tracker.handleResponse(createResponse(second, { result: 2 }));
  expect([...(await multi.responses()).keys()]).toEqual(["first", "second"]);
});

test("removeRequest takes one out, by identity, and the wait goes on without it", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker);
  const [kept, removed] = [request(), request()];
  multi.addRequest("kept", kept);
  multi.addRequest("removed", removed);
  const responses = multi.responses();
  expect(multi.removeRequest({ ...removed })).toBe(false);
  expect(multi.removeRequest(removed)).toBe(true);
  expect(multi.removeRequest(removed)).toBe(false);
  expect(tracker.pendingCount).toBe(1);
  tracker.handleResponse(createResponse(kept));
  expect(multi.removeRequest(kept)).toBe(false);
  expect([...(await responses).keys()]).toEqual(["kept"]);
});

test("removing the last open request ends the wait", async () => {
  const multi = new MultiRequest(await startTracker());
  const only = request();
  multi.addRequest("only", only);
  const responses = multi.responses();
  multi.removeRequest(only);
  expect((await responses).size).toBe(0);
});

test("without requests there is nothing to wait for", async () => {
  expect((await new MultiRequest(await startTracker()).responses()).size).toBe(0);
});

test("a tracker that stops ends the wait: stopping", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker);
  multi.addRequest("open", request());
  const responses = multi.responses();
  await tracker.stop({ graceMs: 0 });
  expect((await responses).get("open")?.error).toMatch(/^stopping: /);
  expect(codeThrownBy(() => { multi.addRequest("late", request()); })).toBe("stopping");
});

test("a handler that throws doesn't hold the wait", async () => {
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker);
  const one = request({
    onSuccess() {
      throw new Error("bug");
    },
  });
  multi.addRequest("one", one);
  tracker.handleResponse(createResponse(one, { result: 1 }));
  expect((await multi.responses()).get("one")?.result).toBe(1);
});

test("request sends as well: results, errors, and what can't be sent, each under its name", async () => {
  const listener = network.createListener("service");
  await listener.start();
  const service = serve(listener, (request, { signal }) => {
    if (request.task === "fail") throw new Error("no luck");
    if (request.task === "slow") return new Promise((resolve) => { signal.addEventListener("abort", resolve); });
    return request.args;
  }, network.options);
  const tracker = await startTracker();
  const multi = new MultiRequest(tracker, { timeoutMs: 100 });
  multi.request("echo", listener.url, { task: "echo", args: 1, timeoutMs: 5000 });
  multi.request("fail", listener.url, { task: "fail", timeoutMs: 5000 });
  multi.request("slow", listener.url, { task: "slow" });
  multi.request("nowhere", network.urlOf("nobody"), { task: "echo" });
  multi.request("invalid", listener.url, { task: "" });
  multi.request("removed", listener.url, { task: "slow", signal: new AbortController().signal });
  expect(codeThrownBy(() => { multi.request("echo", listener.url, { task: "echo" }); })).toBe("bad_field");
  expect(multi.removeRequest("removed")).toBe(true);
  expect(multi.removeRequest("removed")).toBe(false);
  const responses = await multi.responses();
  expect([...responses.keys()].sort()).toEqual(["echo", "fail", "invalid", "nowhere", "slow"]);
  expect(responses.get("echo")?.result).toBe(1);
  expect(responses.get("fail")?.error).toBe("no luck");
  expect(responses.get("slow")?.error).toMatch(/^timeout: /);
  expect(responses.get("nowhere")?.error).toMatch(/^unavailable: /);
  expect(responses.get("invalid")?.error).toMatch(/^bad_field: task /);
  expect(tracker.pendingCount).toBe(0);
  await service.stop({ graceMs: 0 });
});
