import type { AcommError } from "@acomm/protocol";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { runFixture } from "./fixtures/run-fixture.ts";
import { setUp } from "./fixtures/setup.ts";
import { aborted, createGate, until } from "./fixtures/until.ts";

const leftSockets = async (path: string): Promise<string[]> => (await readdir(path, { recursive: true })).filter((name) => name.endsWith(".sock"));

describe("stop", () => {
  test("refuses what is new with stopping, and answers what runs and what waits for its turn", async () => {
    await using setup = await setUp();
    const gate = createGate();
    const provider = setup.provider().task("t", { concurrency: 1 }, async ({ args }) => {
      await gate.opened;
      return args;
    });
    await provider.start();
    const calls = [1, 2, 3].map((args) => setup.tracker.request(setup.url("t"), { task: "t", args }));
    await until(() => provider.describe().tasks[0]?.queued === 2);
    const stopping = provider.stop();
    expect(provider.describe().health).toBe("draining");
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toBe("stopping");
    gate.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(await stopping).toEqual({ cut: [], cutConnections: 0 });
    expect(await leftSockets(setup.directory.path)).toEqual([]);
  });

  test("F39 after graceMs aborts what is left, cuts it and says what it was: what runs, what waits, and what ran out of its time and never ended", async () => {
    await using setup = await setUp();
    const reasons: string[] = [];
    const provider = setup.provider()
      .task("runs", { concurrency: 1 }, async ({ signal }) => {
        reasons.push(((await aborted(signal)) as AcommError).code);
        await new Promise(() => undefined);
      })
      .task("overdue", { timeoutMs: 20 }, () => new Promise(() => undefined));
    await provider.start();
    expect(await codeOf(setup.tracker.request(setup.url("overdue"), { task: "overdue" }))).toBe("timeout");
    const calls = [1, 2].map(() => codeOf(setup.tracker.request(setup.url("runs"), { task: "runs" })));
    await until(() => provider.describe().tasks[0]?.queued === 1);
    const startedAt = performance.now();
    const { cut, cutConnections } = await provider.stop({ graceMs: 80 });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(cut.map(({ task }) => task).toSorted()).toEqual(["overdue", "runs", "runs"]);
    for (const { ageMs } of cut) expect(ageMs).toBeGreaterThan(70);
    expect(cutConnections).toBeGreaterThan(0);
    expect(reasons).toEqual(["stopping"]);
    for (const code of await Promise.all(calls)) expect(["ambiguous", "stopping"]).toContain(code);
    expect(await leftSockets(setup.directory.path)).toEqual([]);
  });

  test("waits for a handler whose time has run out", async () => {
    await using setup = await setUp();
    const gate = createGate();
    let ended = false;
    const provider = setup.provider().task("t", { timeoutMs: 20 }, async () => {
      await gate.opened;
      ended = true;
    });
    await provider.start();
    expect(await codeOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toBe("timeout");
    const stopping = provider.stop({ graceMs: 5000 });
    gate.open();
    expect(await stopping).toEqual({ cut: [], cutConnections: 0 });
    expect(ended).toBe(true);
  });

  test("lets handlers finish the calls that they make meanwhile", async () => {
    await using setup = await setUp();
    const gate = createGate();
    await setup.provider("inner").task("inner", {}, async () => {
      await gate.opened;
      return "inner";
    }).start();
    const outer = setup.provider("outer").task("outer", {}, ({ tracker }) => tracker.request(setup.url("inner", "inner"), { task: "inner" }));
    await outer.start();
    const call = setup.tracker.request(setup.url("outer", "outer"), { task: "outer" });
    await until(() => outer.describe().tasks[0]?.running === 1);
    const stopping = outer.stop();
    gate.open();
    expect(await call).toBe("inner");
    expect(await stopping).toEqual({ cut: [], cutConnections: 0 });
  });

  test("is idempotent, safe during the start and before it, and works by await using", async () => {
    await using setup = await setUp();
    const provider = setup.provider().task("t", {}, () => null);
    const starting = codeOf(provider.start());
    const reports = await Promise.all([provider.stop(), provider.stop({ graceMs: 0 })]);
    expect(reports).toEqual(Array(2).fill({ cut: [], cutConnections: 0 }));
    expect(["fulfilled", "stopping"]).toContain(await starting);
    expect(await leftSockets(setup.directory.path)).toEqual([]);
    for (const graceMs of [Number.NaN, -1, 2 ** 31]) expect(await codeOf(provider.stop({ graceMs }))).toBe("bad_field");
    {
      await using other = setup.provider("other").task("t", {}, () => null);
      await other.start();
      expect(await leftSockets(setup.directory.path)).toHaveLength(setup.isNetwork ? 0 : 2);
    }
    expect(await leftSockets(setup.directory.path)).toEqual([]);
    expect(await setup.provider("never").task("t", {}, () => null).stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("leaves no handle: the process ends by itself", async () => {
    await using directory = await temporaryDirectory();
    await using child = runFixture("start-and-stop", directory.path);
    expect(await child.output()).toEqual({ code: 0, text: "answered\nstopped\n" });
    expect(await leftSockets(directory.path)).toEqual([]);
  });
});
