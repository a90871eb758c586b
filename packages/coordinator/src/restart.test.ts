import type { AcommError } from "@acomm/protocol";
import type { Fixture } from "@acomm/testing";
import { coordinatorSocketPath } from "@acomm/tracker";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { runFixture } from "./fixtures/run-fixture.ts";
import { createSystem } from "./fixtures/system.ts";

test("F38 coordinator and provider restarted in turn under 500 calls a second: no call fails, none runs twice", async () => {
  const system = await createSystem();
  const runs: unknown[] = [];
  const start = async (name: string, ...args: string[]): Promise<Fixture> => {
    const fixture = runFixture(name, system.socketDir, ...args);
    onTestFinished(() => fixture[Symbol.asyncDispose]());
    fixture.child.on("message", (message) => {
      if ("run" in (message as object)) runs.push((message as { readonly run: unknown }).run);
    });
    await new Promise<void>((resolve) => {
      fixture.child.on("message", (message) => {
        if ("ready" in (message as object)) resolve();
      });
    });
    return fixture;
  };
  let provider = await start("provider", "work", "p");
  let coordinator = await start("coordinator");
  const caller = await system.caller();
  const url = `unix://${coordinatorSocketPath(system.socketDir)}`;
  const failures: string[] = [];
  const calls: Promise<unknown>[] = [];
  const over = new AbortController();
  const load = (async () => {
    for (let tick = 0; !over.signal.aborted; tick += 1) {
      for (let index = 0; index < 5; index += 1) {
        const id = calls.length;
        calls.push(caller.request<{ readonly id: number }>(url, { task: "work", args: { id, ms: id % 20 }, timeoutMs: 10_000, retryForMs: 8000 }).then(
          (answer) => { if (answer.id !== id) failures.push("another's answer"); },
          (error: unknown) => { failures.push((error as AcommError).message); },
        ));
      }
      await wait(10);
    }
  })();
  for (let round = 0; round < 3; round += 1) {
    await wait(300);
    await provider.kill("SIGTERM");
    provider = await start("provider", "work", "p");
    await wait(300);
    await coordinator.kill("SIGTERM");
    coordinator = await start("coordinator");
  }
  over.abort();
  await load;
  await Promise.all(calls);
  expect(failures).toEqual([]);
  expect(calls.length).toBeGreaterThan(500);
  expect(new Set(runs).size).toBe(runs.length);
}, 60_000);
