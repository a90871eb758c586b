import { AcommError } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { admitTargets, createResponseHandler, serve } from "@acomm/transport";
import type { HandlerContext, RequestHandler, Service } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { codeOf, errorOf, thrownBy } from "@acomm/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { startHttp } from "./fixtures/start-http.ts";
import { Tracker } from "./tracker.ts";
import type { TrackerOptions } from "./tracker-options.ts";

const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
let network: TestNetwork;

beforeEach(async () => {
  network = await openTestNetwork();
  onTestFinished(() => network[Symbol.asyncDispose]());
});

async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const tracker = new Tracker({ ...network.trackerOptions(), ...options });
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 1000 }); });
  return tracker;
}

async function startService(handler: RequestHandler, name = "service"): Promise<string> {
  const listener = network.createListener(name);
  await listener.start();
  const service: Service = serve(listener, handler, network.options);
  onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
  return listener.url.href;
}

/** A promise that a handler's signal settles with its reason. */
function aborted({ signal }: HandlerContext): Promise<AcommError> {
  return new Promise((resolve) => {
    const onAbort = (): void => { resolve(signal.reason as AcommError); };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
}

describe("the time of a call", () => {
  test("aborts the handler at the deadline, and the caller has its timeout", async () => {
    const reason = Promise.withResolvers<AcommError>();
    const url = await startService(async (_, context) => {
      reason.resolve(await aborted(context));
      return new Promise(() => undefined); // an answer at this moment could still be in time
    });
    const tracker = await startTracker();
    expect(await codeOf(tracker.request(url, { task: "t", timeoutMs: 50 }))).toBe("timeout");
    expect((await reason.promise).code).toBe("timeout");
  });

  test("is what is left of it where a handler calls on, over two services, and each aborts", async () => {
    const tracker = await startTracker();
    const reasons: string[] = [];
    const both = Promise.withResolvers<undefined>();
    const note = async (name: string, context: HandlerContext): Promise<void> => {
      reasons.push(`${name} ${(await aborted(context)).code}`);
      if (reasons.length === 2) both.resolve(undefined);
    };
    let budget: number | undefined;
    const inner = await startService(async (_, context) => {
      budget = (context.deadline ?? Infinity) - performance.now();
      await note("inner", context);
      return new Promise(() => undefined);
    }, "inner");
    const outer = await startService((_, context) => {
      void note("outer", context);
      return tracker.request(inner, { task: "inner", timeoutMs: 20_000, parent: context });
    }, "outer");
    expect(await codeOf(tracker.request(outer, { task: "outer", timeoutMs: 100 }))).toBe("timeout");
    await both.promise;
    expect(budget).toBeLessThanOrEqual(100);
    // the outer service may take it back before the inner one's own clock says so
    expect(reasons.sort()).toEqual([expect.stringMatching(/^inner (timeout|cancelled)$/), "outer timeout"]);
  });

  test("that is over already is timeout, and nothing is sent", async () => {
    const tracker = await startTracker();
    const url = await startService(() => { throw new Error("it ran"); });
    const parent = { signal: new AbortController().signal, deadline: performance.now() - 1 };
    const error = await errorOf(tracker.request(url, { task: "t", parent }));
    expect(error).toMatchObject({ code: "timeout", message: expect.stringContaining("not sent") });
    expect(tracker.pendingCount).toBe(0);
  });
});

describe("a call that is given up", () => {
  test("aborts its handler, by its own signal or its parent's, on the first call of a connection and on later ones", async () => {
    const tracker = await startTracker();
    const contexts: ((reason: AcommError) => void)[] = [];
    const began: (() => void)[] = [];
    const url = await startService(async (_, context) => {
      began.shift()?.();
      contexts.shift()?.(await aborted(context));
      return null;
    });
    const controller = (): AbortController => new AbortController();
    for (const give of [(signal: AbortSignal) => ({ signal }), (signal: AbortSignal) => ({ parent: { signal } })]) {
      for (let round = 0; round < 2; round += 1) {
        const running = new Promise<void>((resolve) => began.push(resolve));
        const reason = new Promise<AcommError>((resolve) => contexts.push(resolve));
        const giveUp = controller();
        const call = tracker.request(url, { task: "t", ...give(giveUp.signal) });
        await running;
        giveUp.abort();
        expect(await codeOf(call)).toBe("cancelled");
        expect((await reason).code).toBe("cancelled");
      }
    }
  });

  test("ends the calls that were made for it, and these the next", async () => {
    const tracker = await startTracker();
    const running = Promise.withResolvers<undefined>();
    const reason = Promise.withResolvers<AcommError>();
    const inner = await startService(async (_, context) => {
      running.resolve(undefined);
      reason.resolve(await aborted(context));
    }, "inner");
    const outer = await startService((_, context) => tracker.within(context).request(inner, { task: "inner" }), "outer");
    const giveUp = new AbortController();
    const call = tracker.request(outer, { task: "outer", signal: giveUp.signal });
    await running.promise;
    const at = performance.now();
    giveUp.abort();
    expect(await codeOf(call)).toBe("cancelled");
    expect((await reason.promise).code).toBe("cancelled");
    expect(performance.now() - at).toBeLessThan(2000);
    await expect.poll(() => tracker.pendingCount).toBe(0);
  });
});

describe("progress", () => {
  const report: RequestHandler = async (_, { progress, wantsProgress }) => {
    for (const step of [1, 2, 3]) progress({ step });
    return wantsProgress;
  };

  test("comes before the result, on the first call that names a hook and on later ones", async () => {
    const tracker = await startTracker();
    const url = await startService(report);
    for (let round = 0; round < 2; round += 1) {
      const seen: unknown[] = [];
      expect(await tracker.request(url, { task: "t", onProgress: (value) => seen.push(value) })).toBe(true);
      expect(seen).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
    }
    expect(await tracker.request(url, { task: "t" })).toBe(false);
  });

  test("comes to the hook where the answer goes there", async () => {
    const tracker = await startTracker();
    const seen: unknown[] = [];
    const first = Promise.withResolvers<undefined>();
    const url = await startService(async (_, { progress }) => {
      progress("half");
      await first.promise;
      return "whole";
    });
    const call = tracker.request(url, { task: "t", responseHook: tracker.url, onProgress: (value) => { seen.push(value); first.resolve(undefined); } });
    expect(await call).toBe("whole");
    expect(seen).toEqual(["half"]);
    expect(tracker.refusedCount).toBe(0);
  });

  test("comes over HTTP where the hook is there, and doesn't end the call", async () => {
    const tracker = await startTracker();
    const accept = createResponseHandler(tracker.handleResponse);
    const hook = await startHttp((request, response) => void accept(request, response));
    const listener = network.createListener("service");
    await listener.start();
    const first = Promise.withResolvers<undefined>();
    const service = serve(listener, async (_, { progress }) => {
      progress("half");
      await first.promise;
      return "whole";
    }, { ...network.options, admit: admitTargets({ origins: [hook] }) });
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    const seen: unknown[] = [];
    expect(await tracker.request(listener.url, { task: "t", responseHook: hook, onProgress: (value) => { seen.push(value); first.resolve(undefined); } })).toBe("whole");
    expect(seen).toEqual(["half"]);
    expect(thrownBy(() => { tracker.handleResponse({ id: "nobody", error: "", result: null, streamUrl: null, ext: { progress: 1 } }); }).code).toBe("unknown_id");
  });

  test("keeps a call alive that may be without it for a while only, never beyond the whole", async () => {
    const tracker = await startTracker();
    const url = await startService(async ({ args }, context) => {
      const timer = setInterval(() => { context.progress(null); }, 10);
      const stop = setTimeout(() => { clearInterval(timer); }, args as number);
      await aborted(context);
      clearInterval(timer);
      clearTimeout(stop);
      return new Promise(() => undefined);
    });
    const started = performance.now();
    const stalled = await errorOf(tracker.request(url, { task: "t", args: 150, idleTimeoutMs: 100, timeoutMs: 10_000 }));
    expect(stalled).toMatchObject({ code: "timeout", message: expect.stringContaining("without progress for 100 ms") });
    expect(performance.now() - started).toBeGreaterThan(150);
    expect(await errorOf(tracker.request(url, { task: "t", args: 60_000, idleTimeoutMs: 5000, timeoutMs: 150 }))).toMatchObject({ code: "timeout", message: expect.stringContaining("within 150 ms") });
  });

  test("that fails to come in time ends the handler as well, long before the time of the call is over", async () => {
    const tracker = await startTracker();
    const reason = Promise.withResolvers<AcommError>();
    const url = await startService(async (_, context) => {
      reason.resolve(await aborted(context));
      return new Promise(() => undefined);
    });
    expect(await codeOf(tracker.request(url, { task: "t", idleTimeoutMs: 100, timeoutMs: 60_000 }))).toBe("timeout");
    expect((await reason.promise).code).toBe("cancelled");
  });

  test("F41 whose handler throws or rejects is reported, and the call goes on", async () => {
    const reported: AcommError[] = [];
    const tracker = await startTracker({ onError: (error) => { reported.push(error); } });
    const url = await startService(report);
    let calls = 0;
    expect(await tracker.request(url, { task: "t", onProgress: () => { calls += 1; throw new Error("no"); } })).toBe(true);
    expect(await tracker.request(url, { task: "t", onProgress: () => Promise.reject(new Error("no")) })).toBe(true);
    await expect.poll(() => reported.length).toBe(6);
    expect(calls).toBe(3);
    expect(reported[0]).toMatchObject({ code: "remote", message: expect.stringContaining("progress handler") });
  });
});

describe("an error", () => {
  test("brings details, causes and whether it may be sent again", async () => {
    const tracker = await startTracker();
    const url = await startService(() => { throw new AcommError("remote", "the disk is full", { details: { free: 0 }, retryable: true, cause: new AcommError("timeout", "no answer") }); });
    expect(await errorOf(tracker.request(url, { task: "t" }))).toMatchObject({ code: "remote", message: "the disk is full", details: { free: 0 }, retryable: true, cause: { code: "timeout", message: "no answer" } });
  });
});

describe("a trace", () => {
  test("is handed over, and on to the calls of a handler", async () => {
    const tracker = await startTracker();
    const inner = await startService((_, context) => context.trace ?? null, "inner");
    const outer = await startService((_, context) => tracker.request(inner, { task: "inner", parent: context }), "outer");
    expect(await tracker.request(outer, { task: "outer", trace })).toEqual(trace);
    expect(await codeOf(tracker.request(outer, { task: "outer", trace: { traceparent: "x" } }))).toBe("bad_field");
  });
});

describe("forward", () => {
  test("sends arguments with their text and gives the response as it is, error or not", async () => {
    const tracker = await startTracker();
    const seen: (string | undefined)[] = [];
    const url = await startService((request) => {
      seen.push(request.raw?.text);
      if (request.task === "fail") throw new AcommError("remote", "no", { details: 1 });
      return [1, 2];
    });
    const request: Request = { id: "theirs", task: "t", responseHook: null, streamUrl: null, args: null, raw: { text: '{"n":9007199254740993, "n":1e400}', value: null } };
    for (let round = 0; round < 2; round += 1) {
      const response = await tracker.forward(url, request);
      expect(response).toMatchObject({ error: "", raw: { text: "[1,2]" } });
      expect(response.id).not.toBe("theirs");
    }
    expect(seen).toEqual([request.raw?.text, request.raw?.text]);
    expect(await tracker.forward(url, { ...request, task: "fail" })).toMatchObject({ error: "no", failure: { code: "remote", details: 1 } });
  });

  test("rejects where there is no response", async () => {
    const tracker = await startTracker();
    const request: Request = { id: "a", task: "t", responseHook: null, streamUrl: null, args: null };
    expect(await codeOf(tracker.forward(network.urlOf("nobody"), request))).toBe("unavailable");
    const listener = network.createListener("refusing");
    await listener.start();
    const service = serve(listener, () => null, { ...network.options, reserve: () => { throw new AcommError("unknown_task", "not here"); } });
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    expect(await codeOf(tracker.forward(listener.url, request))).toBe("unknown_task");
  });
});

describe("a call that may be sent again", () => {
  test("is, until somebody is there", async () => {
    const tracker = await startTracker();
    const url = network.urlOf("late");
    const call = tracker.request(url, { task: "t", args: 7, retryForMs: 5000, timeoutMs: 10_000 });
    expect(await codeOf(tracker.request(url, { task: "t" }))).toBe("unavailable");
    await startService(({ args }) => args, "late");
    expect(await call).toBe(7);
  });

  test("ends with its last error when the time for that is over, and by its signal", async () => {
    const tracker = await startTracker();
    const url = network.urlOf("nobody");
    expect(await codeOf(tracker.request(url, { task: "t", retryForMs: 50 }))).toBe("unavailable");
    const giveUp = new AbortController();
    const call = tracker.request(url, { task: "t", retryForMs: 60_000, timeoutMs: 60_000, signal: giveUp.signal });
    setImmediate(() => { giveUp.abort(); });
    expect(await codeOf(call)).toBe("cancelled");
  });

  test("is not where it may have run, nor once the tracker stops", async () => {
    const tracker = await startTracker();
    let runs = 0;
    const url = await startService(() => {
      runs += 1;
      throw new AcommError("overloaded", "somebody else was");
    });
    expect(await codeOf(tracker.request(url, { task: "t", retryForMs: 1000 }))).toBe("overloaded");
    expect(runs).toBe(1);
    const pending = await startService(() => new Promise(() => undefined), "pending");
    const outcome = codeOf(tracker.request(pending, { task: "t", retryForMs: 1000 }));
    await expect.poll(() => tracker.pendingCount).toBe(1);
    await tracker.stop({ graceMs: 0 });
    expect(await outcome).toBe("stopping");
  });

  test("is where its handler says so", async () => {
    const tracker = await startTracker();
    let runs = 0;
    const url = await startService(() => {
      runs += 1;
      if (runs < 3) throw new AcommError("remote", "busy", { retryable: true });
      return runs;
    });
    expect(await tracker.request(url, { task: "t", retryForMs: 5000 })).toBe(3);
  });
});
