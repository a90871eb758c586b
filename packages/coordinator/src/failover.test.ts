import { AcommError } from "@acomm/protocol";
import { codeOf, errorOf } from "@acomm/testing";
import type { Fixture } from "@acomm/testing";
import { providerSocketPath } from "@acomm/tracker";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { runFixture } from "./fixtures/run-fixture.ts";
import { leaveDeadSocket } from "./fixtures/sockets.ts";
import { createSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";
import { until } from "./fixtures/until.ts";

let system: System;
beforeEach(async () => { system = await createSystem(); });

/** A provider in its own process, and what it has run. */
async function startProvider(provider: string, ...more: string[]): Promise<{ readonly fixture: Fixture; readonly runs: unknown[] }> {
  const fixture = runFixture("provider", system.socketDir, "work", provider, ...more);
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  await fixture.message();
  const runs: unknown[] = [];
  fixture.child.on("message", (message) => {
    if ("run" in (message as object)) runs.push((message as { readonly run: unknown }).run);
  });
  return { fixture, runs };
}

interface Answer {
  readonly id: number;
  readonly provider: string;
}

describe("the next provider is asked", () => {
  test("where the first one refuses with overloaded, stopping or unknown_task, and none is set aside that is only busy", async () => {
    for (const [provider, code] of [["a", "overloaded"], ["b", "stopping"], ["c", "unknown_task"]] as const) {
      await system.provide("work", () => provider, { provider, priority: 10, reserve: () => { throw new AcommError(code, "not here"); } });
    }
    await system.provide("work", () => "d", { provider: "d", priority: 20 });
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    expect(await caller.request(coordinator.url, { task: "work" })).toBe("d");
    expect(coordinator.describe().tasks[0]?.providers.filter(({ state }) => state === "aside").map(({ provider }) => provider)).toEqual(["b"]);
  });

  test("where the socket of the first one is dead, which costs no call anything", async () => {
    await mkdir(join(system.socketDir, "work"), { recursive: true });
    await leaveDeadSocket(providerSocketPath(system.socketDir, { task: "work", priority: 1, provider: "dead" }));
    await system.provide("work", ({ args }) => args);
    const coordinator = await system.coordinate();
    expect(await (await system.caller()).request(coordinator.url, { task: "work", args: 1 })).toBe(1);
    expect(coordinator.describe().tasks[0]).toMatchObject({ failed: 0, providers: [{ provider: "dead", state: "aside", failed: 0 }, { state: "ready", done: 1 }] });
  });

  test("but not where the request was refused for what it is, nor where it failed", async () => {
    let runs = 0;
    await system.provide("work", () => 1, { provider: "a", priority: 1, reserve: () => { throw new AcommError("bad_field", "args.disk is missing"); } });
    await system.provide("work", () => { runs += 1; }, { provider: "b", priority: 2 });
    const { url } = await system.coordinate();
    expect(await errorOf((await system.caller()).request(url, { task: "work" }))).toMatchObject({ code: "bad_field", message: "args.disk is missing" });
    expect(runs).toBe(0);
  });

  test("overloaded is told at once where all are, and that it may be sent again", async () => {
    for (const provider of ["a", "b"]) await system.provide("work", () => 1, { provider, reserve: () => { throw new AcommError("overloaded", "no room"); } });
    const { url } = await system.coordinate();
    const startedAt = performance.now();
    expect(await errorOf((await system.caller()).request(url, { task: "work" }))).toMatchObject({ code: "overloaded", retryable: true });
    expect(performance.now() - startedAt).toBeLessThan(1000); // by default a provider that isn't there is waited for twice as long
  });
});

describe("a task whose providers are gone", () => {
  test("is waited for, and goes on as soon as one is there", async () => {
    const first = await system.provide("work", () => "first");
    const { url } = await system.coordinate();
    const caller = await system.caller();
    expect(await caller.request(url, { task: "work" })).toBe("first");
    await first.stop();
    const calls = Array.from({ length: 100 }, () => caller.request(url, { task: "work" }));
    await wait(100);
    await system.provide("work", () => "second");
    const startedAt = performance.now();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["second"]));
    const goneOnMs = performance.now() - startedAt;
    const again = performance.now();
    await Promise.all(calls.map(() => caller.request(url, { task: "work" })));
    expect(goneOnMs).toBeLessThan(Math.max(200, 20 * (performance.now() - again))); // without a pause; a busy machine takes its time for both
  });

  test("is unavailable after the wait, no later than the caller's time, and may be sent again", async () => {
    await mkdir(join(system.socketDir, "work"), { recursive: true });
    const { url } = await system.coordinate({ waitForProviderMs: 200 });
    const caller = await system.caller();
    const startedAt = performance.now();
    const error = await errorOf(caller.request(url, { task: "work" }));
    expect(error).toMatchObject({ code: "unavailable", retryable: true, message: expect.stringContaining("no provider of work was there for 200 ms") });
    expect(performance.now() - startedAt).toBeGreaterThan(190);
    expect(await codeOf(caller.request(url, { task: "work", timeoutMs: 50 }))).toBe("timeout");
    const controller = new AbortController();
    const call = codeOf(caller.request(url, { task: "work", signal: controller.signal }));
    controller.abort();
    expect(await call).toBe("cancelled");
  });

  test("is found again though its socket has the same name, at once and not after the pause", async () => {
    const { url } = await system.coordinate();
    const caller = await system.caller();
    for (let round = 0; round < 5; round += 1) {
      const service = await system.provide("work", () => round);
      expect(await caller.request(url, { task: "work" })).toBe(round);
      await service.stop();
    }
  });
});

describe("two providers of one task", () => {
  test("share the calls", async () => {
    const counts = { a: 0, b: 0 };
    for (const provider of ["a", "b"] as const) await system.provide("work", () => { counts[provider] += 1; }, { provider });
    const { url } = await system.coordinate();
    const caller = await system.caller();
    for (let round = 0; round < 100; round += 1) await caller.request(url, { task: "work" });
    expect(counts).toEqual({ a: 50, b: 50 });
  });

  test("1 000 calls in flight, one killed with kill -9: each call has its result or a definite error in time, none runs twice, the other takes over within 100 ms", async () => {
    const [first, second] = [await startProvider("a"), await startProvider("b")];
    const { url } = await system.coordinate();
    const caller = await system.caller();
    const outcomes = new Map<number, string>();
    const timeoutMs = 10_000;
    const startedAt = performance.now();
    const calls = Array.from({ length: 1000 }, async (_, id) => {
      try {
        const { provider } = await caller.request<Answer>(url, { task: "work", args: { id, ms: 300 + (id % 7) * 50 }, timeoutMs });
        outcomes.set(id, provider);
      } catch (error) {
        outcomes.set(id, (error as AcommError).code);
      }
    });
    await until(() => first.runs.length + second.runs.length > 900);
    await first.fixture.kill("SIGKILL");
    const killedAt = performance.now();
    // callers that come now are served by the survivor
    const fifty = (firstId: number): Promise<Answer[]> => Promise.all(Array.from({ length: 50 }, (_, index) => caller.request<Answer>(url, { task: "work", args: { id: firstId + index }, timeoutMs })));
    const later = await fifty(2000);
    const tookOverMs = performance.now() - killedAt;
    const again = performance.now();
    await fifty(3000);
    expect(tookOverMs).toBeLessThan(Math.max(100, 20 * (performance.now() - again))); // a busy machine takes its time for both
    expect(new Set(later.map(({ provider }) => provider))).toEqual(new Set(["b"]));
    await Promise.all(calls);
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs);
    const counts: Record<string, number> = {};
    for (const outcome of outcomes.values()) counts[outcome] = (counts[outcome] ?? 0) + 1;
    expect(outcomes.size).toBe(1000);
    expect(Object.keys(counts).filter((outcome) => !["a", "b", "ambiguous"].includes(outcome))).toEqual([]);
    const runs = [...first.runs, ...second.runs];
    expect(new Set(runs).size).toBe(runs.length); // none twice
    expect(counts["b"]).toBeGreaterThan(400);
  });

  test("a task that is declared idempotent runs again at the other one, and nobody sees an error", async () => {
    const [first, second] = [await startProvider("a", "idempotent"), await startProvider("b", "idempotent")];
    const { url } = await system.coordinate();
    const caller = await system.caller();
    const calls = Array.from({ length: 200 }, (_, id) => caller.request<Answer>(url, { task: "work", args: { id, ms: 200 }, timeoutMs: 10_000 }));
    await until(() => first.runs.length + second.runs.length === 200);
    await first.fixture.kill("SIGKILL");
    const answers = await Promise.all(calls);
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, id) => id));
    expect(new Set(answers.map(({ provider }) => provider))).toEqual(new Set(["b"]));
  });

  test("F15 F16 one that is stopped costs those it has taken their acknowledgement, and is passed over then; when it goes on nothing runs twice", async () => {
    const [first, second] = [await startProvider("a"), await startProvider("b")];
    const coordinator = await system.coordinate({ ackTimeoutMs: 400 });
    const { url } = coordinator;
    const caller = await system.caller();
    const call = (id: number): Promise<Answer> => caller.request<Answer>(url, { task: "work", args: { id }, timeoutMs: 5000 });
    await Promise.all([call(1), call(2)]);
    first.fixture.child.kill("SIGSTOP");
    await first.fixture.stopped();
    const startedAt = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => codeOf(call(10 + index))));
    expect(new Set(outcomes)).toEqual(new Set(["fulfilled", "timeout"]));
    expect(performance.now() - startedAt).toBeLessThan(2500); // half of the time that the calls had
    const after = await Promise.all(Array.from({ length: 20 }, (_, index) => call(100 + index)));
    expect(new Set(after.map(({ provider }) => provider))).toEqual(new Set(["b"]));
    expect(coordinator.describe().tasks[0]?.providers).toMatchObject([{ provider: "a", state: "aside" }, { provider: "b", state: "ready" }]);
    first.fixture.child.kill("SIGCONT");
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.state === "ready");
    const again = await Promise.all(Array.from({ length: 20 }, (_, index) => call(200 + index)));
    expect(new Set(again.map(({ provider }) => provider))).toEqual(new Set(["a", "b"]));
    const runs = [...first.runs, ...second.runs];
    expect(new Set(runs).size).toBe(runs.length);
  });

  test("one that is stopped is passed over as well where no call has the patience to wait for its acknowledgement", async () => {
    const [first] = [await startProvider("a"), await startProvider("b")];
    const coordinator = await system.coordinate();
    const caller = await system.caller();
    const call = (id: number): Promise<string> => codeOf(caller.request(coordinator.url, { task: "work", args: { id }, timeoutMs: 100 }));
    expect(await Promise.all([call(1), call(2)])).toEqual(["fulfilled", "fulfilled"]);
    first.fixture.child.kill("SIGSTOP");
    await first.fixture.stopped();
    expect((await Promise.all([call(3), call(4)])).toSorted()).toEqual(["fulfilled", "timeout"]);
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.state === "aside");
    expect(await Promise.all([call(5), call(6), call(7), call(8)])).toEqual(Array.from({ length: 4 }, () => "fulfilled"));
  });
});

test("a hook's caller falls over to the next provider too", async () => {
  await system.provide("work", () => "a", { provider: "a", priority: 1, reserve: () => { throw new AcommError("stopping", "not here"); } });
  await system.provide("work", () => "b", { provider: "b", priority: 2 });
  const { url } = await system.coordinate();
  const caller = await system.caller();
  expect(await caller.request(url, { task: "work", responseHook: caller.url })).toBe("b");
});
