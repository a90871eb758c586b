import { afterAll, beforeAll, expect, test } from "vitest";
import { startSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

test("so many calls are measured", async () => {
  const { code, stdout } = await system.acomm(["bench", "disk-info", "all=true", "-n", "200", "-c", "10"]);
  expect(code).toBe(0);
  const outcome = JSON.parse(stdout) as { perSecond: number; latencyMs: Record<string, number> };
  expect(outcome).toMatchObject({ task: "disk-info", concurrency: 10, calls: 200, failed: 0, errors: {} });
  const { p50 = 0, p99 = 0, max = 0 } = outcome.latencyMs;
  expect(p50).toBeGreaterThan(0);
  expect(p50).toBeLessThanOrEqual(p99);
  expect(p99).toBeLessThanOrEqual(max);
  expect(outcome.perSecond).toBeGreaterThan(10);
});

test("so long as a duration says, laid out for people", async () => {
  const { code, stdout } = await system.acomm(["bench", "disk-info", "--duration", "200ms", "-o", "table"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^disk-info at unix:\S+, 50 calls at once\ncalls {5}\d+ in \d+ms\nrate {6}\d+\/s\nlatency {3}mean .*ms {2}p50 .*max .*ms\nerrors {4}none\n$/);
});

test("calls that fail are counted by their code, and it exits with 1", async () => {
  const { code, stdout } = await system.acomm(["bench", "wait", "-n", "20", "--timeout", "50ms"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ calls: 20, failed: 20, errors: { timeout: 20 } });
});

test("wrong arguments and a missing coordinator are found before it begins", async () => {
  expect(await system.acomm(["bench", "disk-info", "all=perhaps"])).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("bad_field") });
  expect(await system.acomm(["bench", "disk-info", "--coordinator", "other"])).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("nobody serves a coordinator") });
  expect(await system.acomm(["bench", "disk-info", "-c", "0"])).toMatchObject({ code: 2, stderr: expect.stringContaining("--concurrency must be a whole number from 1 to 10000") });
});

test("A96 SIGINT ends it, and what was measured is told", async () => {
  await using bench = system.start(["bench", "disk-info", "--duration", "60s"]);
  // the door's counts show that it has begun
  const counted = async (): Promise<number> => {
    const { stdout } = await system.acomm(["describe", "disk-info"]);
    return (JSON.parse(stdout) as { tasks: { done: number }[] }).tasks[0]?.done ?? 0;
  };
  const before = await counted();
  while ((await counted()) < before + 100);
  bench.child.kill("SIGINT");
  const { code, stdout } = await bench.result();
  expect(code).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ task: "disk-info", failed: 0 });
});
