import { AcommError, createRequest, encodeFrame, encodeRequest } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { coordinatorSocketPath, Tracker } from "@acomm/tracker";
import { send } from "@acomm/transport";
import { codeOf, errorOf } from "@acomm/testing";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Coordinator } from "./coordinator.ts";
import { createSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";
import { until } from "./fixtures/until.ts";

let system: System;
beforeEach(async () => { system = await createSystem(); });

describe("a call through the coordinator", () => {
  test("reaches the provider of its task, and its answer comes back on the connection", async () => {
    const seen: Request[] = [];
    await system.provide("echo", (request) => {
      seen.push(request);
      return request.args;
    });
    const { url } = await system.coordinate();
    const caller = await system.caller();
    expect(await caller.request(url, { task: "echo", args: { a: [1, "ä"] } })).toEqual({ a: [1, "ä"] });
    expect(await caller.request(url, { task: "echo", args: null })).toBeNull();
    expect(seen.map(({ ext }) => ext)).toEqual([expect.objectContaining({ reply: true }), expect.objectContaining({ reply: true })]);
  });

  test("A30 carries arguments and results byte for byte", async () => {
    const texts: (string | undefined)[] = [];
    await system.provide("echo", (request, { answerWith }) => {
      texts.push(request.raw?.text);
      answerWith({ id: "", error: "", result: null, streamUrl: null, raw: { text: request.raw!.text, value: null } });
    });
    const { url } = await system.coordinate();
    const text = '[9007199254740993,1e400,-0,1.0,1e-7,{"a":1,"a":2,"\\u0061":"\\u00e4"}, [ ] ]';
    const caller = await system.caller();
    for (let round = 0; round < 3; round += 1) {
      const response = await caller.forward(url, { ...createRequest({ task: "echo" }), args: null, raw: { text, value: null } });
      expect(response.raw?.text).toBe(text);
    }
    expect(texts).toEqual([text, text, text]);
  });

  test("fails as its task failed, with details and causes", async () => {
    await system.provide("fail", () => { throw new AcommError("remote", "no such disk", { details: { disk: 7 }, cause: new AcommError("timeout", "the disk is asleep") }); });
    const { url } = await system.coordinate();
    expect(await errorOf((await system.caller()).request(url, { task: "fail" }))).toMatchObject({ code: "remote", message: "no such disk", details: { disk: 7 }, cause: { code: "timeout", message: "the disk is asleep" } });
  });

  test("hands over its time, its trace and its progress, and is taken back with its caller's signal", async () => {
    const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    const aborted = Promise.withResolvers<string>();
    const given: unknown[] = [];
    await system.provide("work", (_request, context) => {
      given.push(context.trace, context.deadline! - performance.now(), context.wantsProgress);
      context.progress({ part: 1 });
      context.signal.addEventListener("abort", () => { aborted.resolve((context.signal.reason as AcommError).code); });
      return new Promise(() => undefined);
    });
    const { url } = await system.coordinate();
    const caller = await system.caller();
    const controller = new AbortController();
    const progress = Promise.withResolvers<unknown>();
    const call = caller.request(url, { task: "work", timeoutMs: 7000, trace, signal: controller.signal, onProgress: progress.resolve });
    expect(await progress.promise).toEqual({ part: 1 });
    expect(given).toEqual([trace, expect.closeTo(7000, -3), true]);
    const abortedAt = performance.now();
    controller.abort();
    expect([await codeOf(call), await aborted.promise]).toEqual(["cancelled", "cancelled"]);
    expect(performance.now() - abortedAt).toBeLessThan(50);
  });

  test("whose caller goes away ends at the provider too", async () => {
    const aborted = Promise.withResolvers<string>();
    await system.provide("work", (_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { aborted.resolve((signal.reason as AcommError).code); }); }));
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    const call = codeOf(caller.request(coordinator.url, { task: "work" }));
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.inFlight === 1);
    await caller.stop({ graceMs: 0 });
    expect([await call, await aborted.promise]).toEqual(["stopping", "cancelled"]);
    await until(() => coordinator.inFlightCount === 0);
  });

  test("with 200 ms through two nested providers aborts each handler at its deadline, and when it is taken back within 50 ms", async () => {
    const reasons: string[] = [];
    const nested = new Tracker();
    await nested.start();
    onTestFinished(async () => { await nested.stop({ graceMs: 0 }); });
    const coordinator = await system.coordinate();
    const { url } = coordinator;
    const note = (name: string, signal: AbortSignal): void => { signal.addEventListener("abort", () => { reasons.push(`${name} ${(signal.reason as AcommError).code}`); }); };
    await system.provide("inner", (_request, { signal }) => {
      note("inner", signal);
      return new Promise(() => undefined);
    });
    await system.provide("outer", (_request, context) => {
      note("outer", context.signal);
      return nested.request(url, { task: "inner", parent: context });
    });
    const caller = await system.caller();
    const startedAt = performance.now();
    expect(await codeOf(caller.request(url, { task: "outer", timeoutMs: 200 }))).toBe("timeout");
    await until(() => reasons.length === 2);
    expect(reasons.toSorted()).toEqual(["inner timeout", "outer timeout"]);
    expect(performance.now() - startedAt).toBeGreaterThan(195);
    expect(performance.now() - startedAt).toBeLessThan(300);
    const controller = new AbortController();
    const call = codeOf(caller.request(url, { task: "outer", timeoutMs: 20_000, signal: controller.signal }));
    await until(() => coordinator.inFlightCount === 2);
    await until(() => coordinator.describe().tasks.every((task) => task.providers[0]?.inFlight === 1));
    await wait(5); // the inner request is on its way to its handler
    const cancelledAt = performance.now();
    controller.abort();
    await until(() => reasons.length === 4);
    expect(performance.now() - cancelledAt).toBeLessThan(50);
    expect([await call, reasons.slice(2).toSorted()]).toEqual(["cancelled", ["inner cancelled", "outer cancelled"]]);
    await until(() => coordinator.inFlightCount === 0 && nested.pendingCount === 0);
  });

  test("that says no time has the coordinator's", async () => {
    await system.provide("wait", () => new Promise(() => undefined));
    const coordinator = await system.coordinate({ defaultTimeoutMs: 100 });
    const request = createRequest({ task: "wait" });
    const socket = createConnection(coordinatorSocketPath(system.socketDir));
    socket.write(encodeFrame(encodeRequest(request, { reply: true })));
    let text = "";
    while (!text.includes('"timeout: ')) text += String((await once(socket, "data"))[0]);
    socket.destroy();
    expect(text).toContain(request.id);
    expect(coordinator.inFlightCount).toBe(0);
  });

  test("over the limit of those under way is refused with overloaded", async () => {
    await system.provide("wait", () => new Promise(() => undefined));
    const coordinator = await system.coordinate({ maxInFlight: 2 });
    const caller = await system.caller();
    const first = [0, 1].map(() => codeOf(caller.request(coordinator.url, { task: "wait" })));
    await until(() => coordinator.inFlightCount === 2);
    expect(await codeOf(caller.request(coordinator.url, { task: "wait" }))).toBe("overloaded");
    await coordinator.stop({ graceMs: 0 });
    await Promise.all(first);
  });
});

describe("what is refused before it runs", () => {
  test("an unknown task, with the names that may have been meant", async () => {
    await system.provide("disk-info", () => 1);
    const { url } = await system.coordinate();
    const caller = await system.caller();
    expect(await errorOf(caller.request(url, { task: "disk-inof" }))).toMatchObject({ code: "unknown_task", message: "no provider has ever served disk-inof here: did you mean disk-info?" });
    expect(await errorOf(caller.request(url, { task: "network" }))).toMatchObject({ code: "unknown_task", message: "no provider has ever served network here" });
    expect(await codeOf(caller.request(url, { task: "acomm.other" }))).toBe("unknown_task");
  });

  test("A41 A42 a name that is no plain name, and those of the layout itself, in any case; nobody there sees a byte", async () => {
    const seen: string[] = [];
    const { url } = await system.coordinate();
    for (const name of ["response", "streams"]) await mkdir(join(system.socketDir, name), { recursive: true });
    const caller = await system.caller();
    for (const task of [".", "..", "a/b", "../s/echo", "a b", "-a", "\u202eecho", "ünknown", "x".repeat(128).concat("/")]) {
      const code = await codeOf(Promise.resolve().then(() => caller.request(url, { task })));
      expect([task, code]).toEqual([task, "bad_field"]);
    }
    for (const task of ["response", "coordinator", "streams", "Response", "COORDINATOR", "sTreams"]) expect([task, await codeOf(caller.request(url, { task }))]).toEqual([task, "unknown_task"]);
    expect(seen).toEqual([]);
    const raw = async (member: string): Promise<string> => {
      const socket = createConnection(coordinatorSocketPath(system.socketDir));
      socket.end(encodeFrame(`{"id":"1","task":"echo",${member}}`));
      let text = "";
      for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.subarray(4).toString();
      return (JSON.parse(text) as { error: string }).error.split(":")[0]!;
    };
    for (const task of ["null", '""', "5", '"a\\u0000b"', '"a\\nb"', `"${"x".repeat(129)}"`]) expect([task, await raw(`"task":${task}`)]).toEqual([task, "bad_field"]);
  });

  test("A40 A44 an id or a hook that is none", async () => {
    await system.provide("echo", () => 1);
    await system.coordinate();
    const refusalOf = async (text: string): Promise<string> => {
      const socket = createConnection(coordinatorSocketPath(system.socketDir));
      socket.end(encodeFrame(text));
      let answer = "";
      for await (const chunk of socket as AsyncIterable<Buffer>) answer += chunk.subarray(4).toString();
      return (JSON.parse(answer) as { error: string }).error.split(":")[0]!;
    };
    for (const id of ['""', "1", "null", "{}", `"${"x".repeat(129)}"`, '"a\\nb"', '"\\u0007"']) expect([id, await refusalOf(`{"id":${id},"task":"echo","responsehook":null,"stream_url":null,"args":null}`)]).toEqual([id, "bad_field"]);
    expect(await refusalOf('{"task":"echo"}')).toBe("bad_field");
    for (const hook of ["5", '""', "[]", "{}", '{"Scheme":1}']) expect([hook, await refusalOf(`{"id":"1","task":"echo","responsehook":${hook}}`)]).toEqual([hook, "bad_field"]);
  });

  test("a request that has gone through too many coordinators", async () => {
    const hops: unknown[] = [];
    await system.provide("echo", ({ ext }) => {
      hops.push(ext?.["hops"]);
      return 1;
    });
    const { url } = await system.coordinate({ maxHops: 3 });
    const caller = await system.caller();
    const forward = (count: number): Promise<unknown> => caller.forward(url, createRequest({ task: "echo" }), { hops: count });
    await forward(0);
    await forward(2);
    expect(hops).toEqual([undefined, 3]);
    expect(await codeOf(forward(3))).toBe("undeliverable");
  });
});

describe("a caller with a hook of its own", () => {
  test("is answered by the provider itself, under its own id, with its time and its progress", async () => {
    const seen: Request[] = [];
    const heard = Promise.withResolvers<undefined>();
    await system.provide("echo", async (request, { progress }) => {
      seen.push(request);
      progress("half");
      await heard.promise;
      return request.args;
    });
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    const progress: unknown[] = [];
    const hook = caller.url;
    expect(await caller.request(coordinator.url, { task: "echo", args: 7, responseHook: hook, timeoutMs: 9000, onProgress: (value) => {
      progress.push(value);
      heard.resolve(undefined);
    } })).toBe(7);
    expect(seen[0]?.responseHook?.href).toBe(hook.href);
    expect(seen[0]?.ext?.["timeout"]).toBeGreaterThan(8000);
    expect([progress, caller.refusedCount]).toEqual([["half"], 0]);
    await until(() => coordinator.inFlightCount === 0);
    expect(coordinator.describe().tasks).toMatchObject([{ task: "echo", done: 1, failed: 0 }]);
  });

  test("A43 gets an acknowledgement alone where it names none, and the task runs", async () => {
    const ran = Promise.withResolvers<unknown>();
    await system.provide("note", ({ args }) => { ran.resolve(args); });
    const { url } = await system.coordinate();
    await send(url, createRequest({ task: "note", args: 5 }));
    expect(await ran.promise).toBe(5);
  });

  test("gets an error at its hook where no provider takes it", async () => {
    await system.provide("busy", () => 1, { reserve: () => { throw new AcommError("overloaded", "no room"); } });
    const { url } = await system.coordinate();
    const caller = await system.caller();
    expect(await errorOf(caller.request(url, { task: "busy", responseHook: caller.url }))).toMatchObject({ code: "overloaded", retryable: true });
  });

  test("F35 that is not there at the moment gets its answer when it is back, within the request's time", async () => {
    const reports: AcommError[] = [];
    await system.provide("busy", () => 1, { reserve: () => { throw new AcommError("overloaded", "no room"); } });
    const coordinator = await system.coordinate({ onError: (error) => reports.push(error) });
    const socketPath = join(system.path, "late.sock");
    const request = (id: string, path = socketPath): Request => createRequest({ id, task: "busy", responseHook: `unix://${path}` });
    await send(coordinator.url, request("late"));
    const answered = Promise.withResolvers<string>();
    const late = await system.caller({ socketPath: join(system.path, "unused.sock") });
    await late.stop();
    await wait(200); // it has been tried by now
    const tracker = await system.caller({ socketPath });
    tracker.trackRequest({ ...request("late"), onError: (_request, response) => { answered.resolve(response.error); } });
    expect(await answered.promise).toBe("overloaded: no room");
    await until(() => coordinator.inFlightCount === 0);
    const never = `{"id":"never","task":"busy","responsehook":"unix://${system.path}/never.sock","stream_url":null,"args":null,"ext":{"timeout":1}}`;
    createConnection(coordinatorSocketPath(system.socketDir)).end(encodeFrame(never)).resume();
    await until(() => reports.length > 0);
    expect(reports.map(({ code }) => code)).toEqual(["undeliverable"]);
  });
});

describe("acomm.describe", () => {
  test("tells what the coordinator knows of its tasks and their providers", async () => {
    await system.provide("echo", ({ args }) => args, { priority: 10, provider: "a" });
    await system.provide("echo", ({ args }) => args, { priority: 20, provider: "b" });
    await system.provide("fail", () => { throw new Error("no"); });
    const coordinator = await system.coordinate({ name: "first" });
    const caller = await system.caller();
    for (let round = 0; round < 3; round += 1) await caller.request(coordinator.url, { task: "echo" });
    await codeOf(caller.request(coordinator.url, { task: "fail" }));
    const description = await caller.request(coordinator.url, { task: "acomm.describe" });
    expect(description).toEqual({
      kind: "coordinator",
      name: "first",
      pid: process.pid,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      uptimeMs: expect.any(Number),
      health: "ok",
      http: null,
      inFlight: 1,
      tasks: [
        {
          task: "echo", inFlight: 0, done: 3, failed: 0, perSecond: expect.any(Number), p50Ms: expect.any(Number), p99Ms: expect.any(Number),
          providers: [{ provider: "a", host: null, priority: 10, inFlight: 0, state: "ready", done: 3, failed: 0 }, { provider: "b", host: null, priority: 20, inFlight: 0, state: "ready", done: 0, failed: 0 }],
        },
        expect.objectContaining({ task: "fail", done: 0, failed: 1, providers: [expect.objectContaining({ done: 0, failed: 1 })] }),
      ],
    });
  });

  test("of a task is what its provider says", async () => {
    await system.provide("echo", ({ task }) => ({ kind: "provider", task }));
    const { url } = await system.coordinate();
    const caller = await system.caller();
    expect(await caller.request(url, { task: "acomm.describe", args: { task: "echo" } })).toEqual({ kind: "provider", task: "acomm.describe" });
    expect(await codeOf(caller.request(url, { task: "acomm.describe", args: { task: "ecko" } }))).toBe("unknown_task");
    expect(await codeOf(caller.request(url, { task: "acomm.describe", args: { task: 5 } }))).toBe("bad_field");
  });
});

describe("starting and stopping", () => {
  test("F38 a stop refuses what is new, answers what was accepted and leaves no file", async () => {
    const gate = Promise.withResolvers<undefined>();
    await system.provide("wait", async ({ args }) => {
      await gate.promise;
      return args;
    });
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    await codeOf(caller.request(coordinator.url, { task: "unknown" }));
    const calls = Array.from({ length: 100 }, (_, index) => caller.request(coordinator.url, { task: "wait", args: index }));
    await until(() => coordinator.inFlightCount === 100);
    const stopped = coordinator.stop();
    expect(await codeOf(caller.request(coordinator.url, { task: "wait" }))).toBe("stopping");
    await until(() => !existsSync(coordinatorSocketPath(system.socketDir)));
    expect(coordinator.describe().health).toBe("draining");
    gate.resolve(undefined);
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    expect(await coordinator.stop()).toBe(await stopped);
    expect(await readdir(join(system.socketDir, "coordinator"))).toEqual([]);
    expect(await readdir(join(system.socketDir, "response"))).toEqual([]);
    expect(await codeOf(coordinator.start())).toBe("stopping");
    expect(await codeOf(caller.request(coordinator.url, { task: "wait" }))).toBe("unavailable");
  });

  test("F39 a handler that is stuck is given up at the grace, and named", async () => {
    const reason = Promise.withResolvers<string>();
    await system.provide("stuck", (_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { reason.resolve((signal.reason as AcommError).code); }); }));
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    const call = codeOf(caller.request(coordinator.url, { task: "stuck" }));
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.inFlight === 1);
    await wait(10);
    const startedAt = performance.now();
    const { cut } = await coordinator.stop({ graceMs: 300 });
    expect(performance.now() - startedAt).toBeGreaterThan(290);
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(cut).toEqual([{ id: expect.any(String), task: "stuck", ageMs: expect.any(Number) }]);
    expect(await reason.promise).toBe("cancelled");
    await call;
    expect(await readdir(join(system.socketDir, "coordinator"))).toEqual([]);
  });

  test("a second coordinator takes the place while the first drains, and its caller never notices", async () => {
    const gate = Promise.withResolvers<undefined>();
    await system.provide("wait", async ({ args }) => {
      if (args === "slow") await gate.promise;
      return args;
    });
    const first = await system.coordinate();
    const caller = await system.caller();
    const slow = caller.request(first.url, { task: "wait", args: "slow" });
    await until(() => first.inFlightCount === 1);
    const stopped = first.stop();
    const second = await system.coordinate();
    expect(await caller.request(second.url, { task: "wait", args: "quick", retryForMs: 2000 })).toBe("quick");
    expect([first.inFlightCount, second.describe().tasks[0]?.done]).toEqual([1, 1]);
    gate.resolve(undefined);
    expect(await slow).toBe("slow");
    await stopped;
    expect(await caller.request(second.url, { task: "wait", args: "quick" })).toBe("quick");
  });

  test("a live one is never replaced, and one whose start failed leaves nothing behind", async () => {
    const first = await system.coordinate();
    const second = new Coordinator({ socketDir: system.socketDir });
    expect(await codeOf(second.start())).toBe("bad_address");
    expect(await codeOf(second.start())).toBe("bad_address");
    await second.stop();
    expect(await readdir(join(system.socketDir, "response"))).toEqual(["main.sock"]);
    expect(first.describe().health).toBe("ok");
  });

  test("a stop during the start, and one before it, end in order", async () => {
    const during = new Coordinator({ socketDir: system.socketDir });
    const started = during.start();
    await during.stop();
    await started;
    const before = new Coordinator({ socketDir: system.socketDir });
    await before.stop();
    expect(await codeOf(before.start())).toBe("stopping");
    expect(await readdir(join(system.socketDir, "coordinator"))).toEqual([]);
  });

  test("S1 its socket is for this user alone", async () => {
    await system.coordinate();
    const { mode } = await lstat(coordinatorSocketPath(system.socketDir));
    expect(mode & 0o777).toBe(0o600);
    expect((await lstat(system.socketDir)).mode & 0o777).toBe(0o700);
  });

  test("options out of range are refused by name", () => {
    const { socketDir } = system;
    for (const [options, field] of [
      [{ name: "../x" }, "name"], [{ maxHops: 0 }, "maxHops"], [{ waitForProviderMs: -1 }, "waitForProviderMs"], [{ defaultTimeoutMs: NaN }, "defaultTimeoutMs"], [{ maxInFlight: 1.5 }, "maxInFlight"],
      [{ ackTimeoutMs: 1e12 }, "ackTimeoutMs"], [{ rescanMs: 0 }, "rescanMs"], [{ http: { maxWaitMs: 0 } }, "http.maxWaitMs"], [{ http: { maxWaiting: 0 } }, "http.maxWaiting"], [{ http: { tokens: [] } }, "tokens"],
      [{ http: { publicUrl: "nothing" } }, "http.publicUrl"], [{ http: { port: 70_000 } }, "port"], [{ admit: { hooks: ["ftp://a"] } }, "origins"], [{ admit: { hooks: ["https://a.example/path"] } }, "admit.hooks[0]"], [{ admit: { taskUrls: [""] } }, "admit.taskUrls[0]"],
    ] as const) {
      let message = "";
      try {
        new Coordinator({ socketDir, ...options });
      } catch (error) {
        message = (error as Error).message;
      }
      expect([field, message]).toEqual([field, expect.stringContaining(field)]);
    }
  });
});
