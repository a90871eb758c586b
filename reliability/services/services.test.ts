import type { AcommError } from "@acomm/protocol";
import { expect, test } from "vitest";
import { System } from "./system.ts";

// with the figures shrunk; `npm run -s pnpm -- run services` has the whole ones

test("one of two providers is killed with its calls: each has an outcome in time, none runs twice, the other one takes over at once", { timeout: 60_000 }, async () => {
  await using system = await System.start("coordinator", "left", "right");
  const { codes, ranTwice, latestMs, takenOverMs } = await system.killOneOfTwo(200);
  expect(codes).toEqual({ answered: 100, ambiguous: 100 });
  expect(ranTwice).toEqual([]);
  expect(latestMs).toBeLessThan(0);
  expect(takenOverMs).toBeLessThan(2000); // 100 ms on a machine that is not busy
});

test("F38 coordinator and provider are restarted in turn under load: every call is answered, once", { timeout: 60_000 }, async () => {
  await using system = await System.start("coordinator", "left");
  const { codes, calls, ranTwice } = await system.restartUnderLoad({ rate: 100, restarts: 2 });
  expect(codes).toEqual({ answered: calls });
  expect(ranTwice).toEqual([]);
});

/** What the handlers of a nested call have written down. */
async function ends(system: System): Promise<{ readonly task: string; readonly code: string; readonly at: number }[]> {
  const all = async (): Promise<{ readonly task: string; readonly code: string; readonly at: number }[]> => (await system.notes()).map((line) => JSON.parse(line) as { readonly task: string; readonly code: string; readonly at: number });
  await expect.poll(async () => (await all()).filter(({ code }) => code !== "began").length).toBe(2);
  return (await all()).filter(({ code }) => code !== "began");
}

async function expectNothingLeft(system: System): Promise<void> {
  await expect.poll(async () => (await system.describeProvider("outer", "outer")).tasks[0]?.running).toBe(0);
  await expect.poll(async () => (await system.describeProvider("inner", "inner")).tasks[0]?.running).toBe(0);
  expect((await system.describeCoordinator()).inFlight).toBe(1); // this very question
  expect(system.tracker.pendingCount).toBe(0);
}

test("a deadline of 200 ms through coordinator and two providers aborts each handler when it comes, and nothing stays behind", { timeout: 60_000 }, async () => {
  await using system = await System.start("coordinator", "outer", "inner");
  const deadline = performance.timeOrigin + performance.now() + 200;
  await expect(system.tracker.request(system.url, { task: "outer", timeoutMs: 200 })).rejects.toMatchObject({ code: "timeout" });
  const handlers = await ends(system);
  expect(handlers.map(({ task, code }) => `${task} ${code}`).sort()).toEqual(["inner timeout", "outer timeout"]);
  for (const { at } of handlers) expect(at).toBeGreaterThanOrEqual(deadline - 5); // the outer process's clock began a little earlier
  for (const { at } of handlers) expect(at).toBeLessThan(deadline + 1000); // 50 ms on a machine that is not busy
  await expectNothingLeft(system);
});

test("a call that is given up aborts the handlers of coordinator and two providers, and nothing stays behind", { timeout: 60_000 }, async () => {
  await using system = await System.start("coordinator", "outer", "inner");
  const giveUp = new AbortController();
  const call = system.tracker.request(system.url, { task: "outer", timeoutMs: 30_000, signal: giveUp.signal }).catch((error: unknown) => error);
  await expect.poll(() => system.notes()).toHaveLength(1); // the inner one has begun
  const at = performance.timeOrigin + performance.now();
  giveUp.abort();
  expect(await call).toMatchObject({ code: "cancelled" } satisfies Partial<AcommError>);
  const handlers = await ends(system);
  expect(handlers.map(({ task, code }) => `${task} ${code}`).sort()).toEqual(["inner cancelled", "outer cancelled"]);
  for (const end of handlers) expect(end.at - at).toBeLessThan(1000); // 50 ms on a machine that is not busy
  await expectNothingLeft(system);
});
