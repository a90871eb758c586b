import type { AcommError } from "@acomm/protocol";
import { codeOf } from "@acomm/testing";
import { describe, expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import type { Setup } from "./fixtures/setup.ts";
import { aborted, createGate } from "./fixtures/until.ts";
import type { Gate } from "./fixtures/until.ts";
import type { Provider } from "./provider.ts";

/** When a handler's signal aborted, and why. */
interface Seen {
  readonly at: number;
  readonly code: string;
}

/** Two providers, of which the first calls the second; each tells what its handler's signal says. */
async function nest(setup: Setup): Promise<{ readonly providers: readonly Provider<unknown>[]; readonly reached: Gate; readonly seen: Record<"outer" | "inner", Promise<Seen>> }> {
  const reached = createGate();
  const outer = Promise.withResolvers<Seen>();
  const inner = Promise.withResolvers<Seen>();
  const watch = async (signal: AbortSignal, { resolve }: PromiseWithResolvers<Seen>): Promise<void> => {
    const { code } = (await aborted(signal)) as AcommError;
    resolve({ at: performance.now(), code });
  };
  const innerProvider = setup.provider("inner").task("inner", {}, async ({ signal }) => {
    reached.open();
    await watch(signal, inner);
    throw signal.reason as Error;
  });
  const outerProvider = setup.provider("outer").task("outer", {}, async ({ signal, tracker }) => {
    void watch(signal, outer);
    return tracker.request(setup.url("inner", "inner"), { task: "inner", timeoutMs: 60_000 });
  });
  await Promise.all([innerProvider.start(), outerProvider.start()]);
  return { providers: [outerProvider, innerProvider], reached, seen: { outer: outer.promise, inner: inner.promise } };
}

async function leavesNothing(setup: Setup, providers: readonly Provider<unknown>[]): Promise<void> {
  expect(setup.tracker.pendingCount).toBe(0);
  for (const provider of providers) {
    expect(await provider.stop({ graceMs: 5000 })).toEqual({ cut: [], cutConnections: 0 });
    expect(provider.describe().tasks[0]).toMatchObject({ running: 0, queued: 0, done: 0 });
  }
}

describe("a call through two nested providers", () => {
  test("with 200 ms, on timeout: each handler's signal aborts at the deadline, though the inner call names a time of its own", async () => {
    await using setup = await setUp();
    const { providers, seen } = await nest(setup);
    const deadline = performance.now() + 200;
    expect(await codeOf(setup.tracker.request(setup.url("outer", "outer"), { task: "outer", timeoutMs: 200 }))).toBe("timeout");
    for (const { at, code } of await Promise.all([seen.outer, seen.inner])) {
      expect(["timeout", "cancelled"]).toContain(code);
      expect(at - deadline).toBeGreaterThan(-30);
      expect(at - deadline).toBeLessThan(1000); // nothing else would end them for a minute; a busy machine is late
    }
    await leavesNothing(setup, providers);
  });

  test("on cancel: each handler's signal aborts within 50 ms", async () => {
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await using setup = await setUp();
      const { providers, reached, seen } = await nest(setup);
      const controller = new AbortController();
      const call = codeOf(setup.tracker.request(setup.url("outer", "outer"), { task: "outer", timeoutMs: 60_000, signal: controller.signal }));
      await reached.opened;
      const cancelledAt = performance.now();
      controller.abort();
      expect(await call).toBe("cancelled");
      const both = await Promise.all([seen.outer, seen.inner]);
      expect(both.map(({ code }) => code)).toEqual(["cancelled", "cancelled"]);
      tookMs.push(Math.max(...both.map(({ at }) => at - cancelledAt)));
      await leavesNothing(setup, providers);
    }
    expect(Math.min(...tookMs)).toBeLessThan(50); // a busy machine adds to some of them
  });

  test("on the outer task's own timeout, which is shorter", async () => {
    await using setup = await setUp();
    const inner = Promise.withResolvers<string>();
    const innerProvider = setup.provider("inner").task("inner", {}, async ({ signal }) => {
      inner.resolve(((await aborted(signal)) as AcommError).code);
      throw signal.reason as Error;
    });
    const outerProvider = setup.provider("outer").task("outer", { timeoutMs: 60 }, ({ tracker }) => tracker.request(setup.url("inner", "inner"), { task: "inner" }));
    await Promise.all([innerProvider.start(), outerProvider.start()]);
    expect(await codeOf(setup.tracker.request(setup.url("outer", "outer"), { task: "outer", timeoutMs: 5000 }))).toBe("timeout");
    expect(["timeout", "cancelled"]).toContain(await inner.promise);
    await leavesNothing(setup, [outerProvider, innerProvider]);
  });
});

test("a handler that fails leaves no call behind: what it had begun is cancelled", async () => {
  await using setup = await setUp();
  const reached = createGate();
  const inner = Promise.withResolvers<unknown>();
  await setup.provider("inner").task("inner", {}, async ({ signal }) => {
    reached.open();
    inner.resolve(await aborted(signal));
  }).start();
  await setup.provider("outer").task("outer", {}, ({ tracker }) => Promise.all([
    tracker.request(setup.url("inner", "inner"), { task: "inner" }),
    reached.opened.then(() => { throw new Error("the other half broke"); }),
  ])).start();
  await expect(setup.tracker.request(setup.url("outer", "outer"), { task: "outer" })).rejects.toThrow("the other half broke");
  expect(await inner.promise).toMatchObject({ code: "cancelled" });
});

test("a trace goes through", async () => {
  await using setup = await setUp();
  const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  await setup.provider("inner").task("inner", {}, ({ request, trace: given }) => [request.ext?.["trace"], given]).start();
  await setup.provider("outer")
    .task("plain", {}, ({ tracker }) => tracker.request(setup.url("inner", "inner"), { task: "inner" }))
    .task("limited", { timeoutMs: 1000 }, ({ tracker }) => tracker.request(setup.url("inner", "inner"), { task: "inner" }))
    .start();
  for (const task of ["plain", "limited"]) expect(await setup.tracker.request(setup.url(task, "outer"), { task, trace })).toEqual([trace, trace]);
});
