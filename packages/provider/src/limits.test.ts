import type { AcommError } from "@acomm/protocol";
import { codeOf, errorOf } from "@acomm/testing";
import { describe, expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import { aborted, createGate, until } from "./fixtures/until.ts";

describe("at the deadline", () => {
  test.each([
    ["the task's", 60, 60_000],
    ["the caller's", 60_000, 60],
  ])("%s, the signal aborts and the answer is timeout", async (_, timeoutMs, callersMs) => {
    await using setup = await setUp();
    const reason = Promise.withResolvers<unknown>();
    const provider = setup.provider().task("t", { timeoutMs }, async ({ signal }) => {
      reason.resolve(await aborted(signal));
      return "too late";
    });
    await provider.start();
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t", timeoutMs: callersMs }))).toBe("timeout"); // or the test would time out
    expect(await reason.promise).toMatchObject({ code: "timeout" });
    await until(() => provider.describe().tasks[0]?.failed === 1);
  });

  test("a handler that ignores its signal is answered for, and keeps its place until it ends", async () => {
    await using setup = await setUp();
    const gate = createGate();
    const provider = setup.provider().task("t", { timeoutMs: 30, concurrency: 1, maxQueued: 0 }, () => gate.opened);
    await provider.start();
    expect(await errorOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toMatchObject({ code: "timeout", message: "t: not done within 30 ms" });
    expect(provider.describe().tasks[0]).toMatchObject({ running: 1, queued: 0, done: 0, failed: 1 });
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toBe("overloaded");
    gate.open();
    await until(() => provider.describe().tasks[0]?.running === 0);
    expect(await setup.tracker.request(setup.url("t"), { task: "t" })).toBeNull();
    expect(provider.describe().tasks[0]).toMatchObject({ running: 0, done: 1, failed: 1 });
  });

  test("one that waits for its turn is answered, and doesn't run any more", async () => {
    await using setup = await setUp();
    const gate = createGate();
    let runs = 0;
    const provider = setup.provider().task("t", { timeoutMs: 40, concurrency: 1 }, () => {
      runs += 1;
      return gate.opened;
    });
    await provider.start();
    const calls = [1, 2, 3].map(() => errorOf(setup.tracker.request(setup.url("t"), { task: "t" })));
    expect((await Promise.all(calls)).map(({ message }) => message)).toEqual([
      "t: not done within 40 ms",
      "t: its turn did not come, so it did not run, within 40 ms",
      "t: its turn did not come, so it did not run, within 40 ms",
    ]);
    gate.open();
    await until(() => provider.describe().tasks[0]?.running === 0);
    expect(runs).toBe(1);
  });

  test("arguments that are still being checked don't reach the handler", async () => {
    await using setup = await setUp();
    const gate = createGate();
    let runs = 0;
    const provider = setup.provider().task("t", { timeoutMs: 20, args: { "~standard": { version: 1, vendor: "slow", validate: async (value: unknown) => { await gate.opened; return { value }; } } } }, () => { runs += 1; });
    await provider.start();
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toBe("timeout");
    gate.open();
    await until(() => provider.describe().tasks[0]?.running === 0);
    expect(runs).toBe(0);
  });
});

describe("a caller", () => {
  test("that cancels aborts the signal within 50 ms", async () => {
    await using setup = await setUp();
    let running = createGate();
    let reason = Promise.withResolvers<unknown>();
    await setup.provider().task("t", {}, async ({ signal }) => {
      running.open();
      reason.resolve(await aborted(signal));
    }).start();
    const tookMs: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      running = createGate();
      reason = Promise.withResolvers();
      const controller = new AbortController();
      const call = codeOf(setup.tracker.request(setup.url("t"), { task: "t", signal: controller.signal }));
      await running.opened;
      const cancelledAt = performance.now();
      controller.abort();
      expect(await call).toBe("cancelled");
      expect(await reason.promise).toMatchObject({ code: "cancelled" });
      tookMs.push(performance.now() - cancelledAt);
    }
    expect(Math.min(...tookMs)).toBeLessThan(50); // a busy machine adds to some of them
  });

  test("that cancels while it waits leaves the queue, and the next one has its turn", async () => {
    await using setup = await setUp();
    const gate = createGate();
    const order: unknown[] = [];
    const provider = setup.provider().task("t", { concurrency: 1, maxQueued: 2 }, async ({ args }) => {
      order.push(args);
      await gate.opened;
    });
    await provider.start();
    const first = setup.tracker.request(setup.url("t"), { task: "t", args: "first" });
    await until(() => order.length === 1);
    const controller = new AbortController();
    const second = codeOf(setup.tracker.request(setup.url("t"), { task: "t", args: "second", signal: controller.signal }));
    const third = setup.tracker.request(setup.url("t"), { task: "t", args: "third" });
    await until(() => provider.describe().tasks[0]?.queued === 2);
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t", args: "too many" }))).toBe("overloaded");
    controller.abort();
    expect(await second).toBe("cancelled");
    await until(() => provider.describe().tasks[0]?.queued === 1);
    gate.open();
    await Promise.all([first, third]);
    expect(order).toEqual(["first", "third"]);
  });
});

describe("concurrency", () => {
  test("is never exceeded, nothing is lost, and the order is that of the requests", async () => {
    await using setup = await setUp();
    let running = 0;
    let most = 0;
    const order: unknown[] = [];
    const provider = setup.provider().task("t", { concurrency: 3, maxQueued: 1000 }, async ({ args }) => {
      running += 1;
      most = Math.max(most, running);
      order.push(args);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return args;
    });
    await provider.start();
    await setup.tracker.request(setup.url("t"), { task: "t", args: 0 }); // from now on they share a connection
    const numbers = Array.from({ length: 500 }, (_, index) => index + 1);
    const results = await Promise.all(numbers.map((args) => setup.tracker.request(setup.url("t"), { task: "t", args })));
    expect(results).toEqual(numbers);
    expect(most).toBe(3);
    expect(order).toEqual([0, ...numbers]);
    expect(provider.describe().tasks[0]).toMatchObject({ running: 0, queued: 0, done: 501, failed: 0 });
  });

  test("and queue are each task's own; beyond them is overloaded at once, and retryable", async () => {
    await using setup = await setUp();
    const gate = createGate();
    const provider = setup.provider()
      .task("busy", { concurrency: 2, maxQueued: 3 }, () => gate.opened)
      .task("free", { concurrency: 1, maxQueued: 0 }, () => "free");
    await provider.start();
    const calls = Array.from({ length: 9 }, () => setup.tracker.request(setup.url("busy"), { task: "busy" }).then(() => "done", (error: unknown) => `${(error as AcommError).code} ${String((error as AcommError).retryable)}`));
    await until(() => provider.describe().tasks[0]?.queued === 3);
    expect(await setup.tracker.request(setup.url("free"), { task: "free" })).toBe("free");
    gate.open();
    expect((await Promise.all(calls)).toSorted()).toEqual([...Array<string>(5).fill("done"), ...Array<string>(4).fill("overloaded true")]);
  });

  test("a caller who sends again gets its turn", async () => {
    await using setup = await setUp();
    await setup.provider().task("t", { concurrency: 1, maxQueued: 0 }, () => new Promise((resolve) => setImmediate(resolve))).start();
    await Promise.all(Array.from({ length: 10 }, () => setup.tracker.request(setup.url("t"), { task: "t", retryForMs: 5000, timeoutMs: 10_000 })));
  });

  test("a handler that never ends holds its place and nothing else", async () => {
    await using setup = await setUp();
    const provider = setup.provider().task("t", { concurrency: 2, timeoutMs: 2000 }, ({ args }) => (args === "never" ? new Promise(() => undefined) : args));
    await provider.start();
    const never = codeOf(setup.tracker.request(setup.url("t"), { task: "t", args: "never", timeoutMs: 100 }));
    for (let args = 0; args < 20; args += 1) expect(await setup.tracker.request(setup.url("t"), { task: "t", args })).toBe(args);
    expect(await never).toBe("timeout");
    expect(provider.describe().tasks[0]).toMatchObject({ running: 1, done: 20 });
  });
});

describe("progress", () => {
  test("reaches the caller who asks for it, before the result, and ends with it", async () => {
    await using setup = await setUp();
    let late: ((value: unknown) => void) | undefined;
    await setup.provider().task("t", {}, ({ progress }) => {
      late = progress;
      for (const percent of [0, 50]) progress({ percent });
      return "done";
    }).start();
    const seen: unknown[] = [];
    expect(await setup.tracker.request(setup.url("t"), { task: "t", onProgress: (value) => seen.push(value) })).toBe("done");
    late?.({ percent: 100 });
    expect(await setup.tracker.request(setup.url("t"), { task: "t" })).toBe("done");
    expect(seen).toEqual([{ percent: 0 }, { percent: 50 }]);
    expect(setup.tracker.refusedCount).toBe(0);
  });

  test("that is no JSON is the handler's error", async () => {
    await using setup = await setUp();
    await setup.provider().task("t", {}, ({ progress }) => { progress(1n); }).start();
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t", onProgress: () => undefined }))).toBe("bad_field");
  });
});
