import { codeOf } from "@acomm/testing";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { runFixture } from "./fixtures/run-fixture.ts";
import { setUp } from "./fixtures/setup.ts";
import type { Setup } from "./fixtures/setup.ts";
import type { ProviderDescription } from "./provider-description.ts";

describe("F4 a provider killed with kill -9", () => {
  test("in the middle: each caller has a definite error at once, whether its handler ran or waited for its turn", async () => {
    await using setup = await setUp();
    await using child = runFixture("provider", ...setup.processArguments("p"));
    expect(await child.message()).toEqual({ ready: true });
    await setup.tracker.request(setup.url("echo"), { task: "echo" });
    const calls = Array.from({ length: 30 }, () => codeOf(setup.tracker.request(setup.url("wait"), { task: "wait", timeoutMs: 60_000 })));
    for (let running = 1; running <= 10; running += 1) expect(await child.message()).toEqual({ running });
    // over a network nobody tells that a receiver has died: what it has not accepted by then waits for the acknowledgement's limit
    if (setup.isNetwork) while ((await queuedAt(setup)) < 20);
    const killedAt = performance.now();
    await child.kill("SIGKILL");
    // accepted is accepted, so it may have run; what no kernel had taken yet surely did not
    for (const code of await Promise.all(calls)) expect(setup.isNetwork ? ["ambiguous"] : ["ambiguous", "unavailable"]).toContain(code);
    expect(performance.now() - killedAt).toBeLessThan(5000); // their time is a minute
    expect(setup.tracker.pendingCount).toBe(0);
    expect(await codeOf(setup.tracker.request(setup.url("echo"), { task: "echo" }))).toBe("unavailable");
  });

  test("and started again: it takes its places over, and what the dead one left is swept away", async () => {
    await using setup = await setUp();
    await using child = runFixture("provider", ...setup.processArguments("p"));
    expect(await child.message()).toEqual({ ready: true });
    await setup.tracker.call(setup.url("stream"), { task: "stream" });
    if (!setup.isNetwork) expect(await readdir(`${setup.directory.path}/streams/p`)).toHaveLength(1);
    await child.kill("SIGKILL");
    await using next = runFixture("provider", ...setup.processArguments("p"));
    expect(await next.message()).toEqual({ ready: true });
    expect(await setup.tracker.request(setup.url("echo"), { task: "echo", args: 2 })).toBe(2);
    if (!setup.isNetwork) expect(await readdir(`${setup.directory.path}/streams/p`)).toEqual([]);
    if (!setup.isNetwork) expect(await readdir(`${setup.directory.path}/echo`)).toEqual(["50-p.sock"]);
  });
});

/** How many calls wait for their turn. The answer comes behind the acknowledgements of them all. */
async function queuedAt(setup: Setup): Promise<number> {
  const description = await setup.tracker.request<ProviderDescription>(setup.url("wait"), { task: "acomm.describe" });
  return description.tasks.find(({ task }) => task === "wait")?.queued ?? 0;
}
