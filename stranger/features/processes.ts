import { Coordinator, Tracker, UnixListener } from "acomm";
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Features } from "./feature.ts";
import { run, start } from "./respawn.ts";
import { codeOf } from "./setup.ts";

export const processes: Features = {
  "a killed service settles its callers, and its socket is taken over": async (directory) => {
    const path = join(directory, "served.sock");
    const service = start("serve-until-killed.ts", path);
    assert.equal(await service.line(), "listening");
    const tracker = new Tracker();
    await tracker.start();
    const outcome = codeOf(tracker.request(`unix://${path}`, { task: "wait", timeoutMs: 20_000 }));
    assert.equal(await service.line(), "called");
    const killedAt = performance.now();
    await service.kill();
    assert.equal(await outcome, "ambiguous");
    assert.ok(performance.now() - killedAt < 5_000, "at once");
    assert.equal(await codeOf(tracker.request(`unix://${path}`, { task: "wait" })), "unavailable");
    assert.deepEqual(await readdir(directory), ["served.sock"]);
    const listener = new UnixListener(path);
    await listener.start();
    await listener.stop();
    assert.deepEqual(await readdir(directory), []);
    await tracker.stop();
  },
  "a killed caller aborts its handlers": async (directory) => {
    const path = join(directory, "served.sock");
    const service = start("serve-until-killed.ts", path);
    assert.equal(await service.line(), "listening");
    const caller = start("call-until-killed.ts", `unix://${path}`);
    assert.equal(await caller.line(), "calling");
    assert.equal(await service.line(), "called");
    await caller.kill();
    assert.equal(await service.line(), "aborted");
    await service.kill();
  },
  "a coordinator finds who comes, and fails over where one is killed": async (directory) => {
    const coordinator = new Coordinator({ socketDir: directory, waitForProviderMs: 10_000 });
    await coordinator.start();
    const tracker = new Tracker();
    await tracker.start();
    const ask = (): Promise<unknown> => tracker.request(coordinator.url, { task: "who", timeoutMs: 10_000 });
    const names = ["one", "two"];
    const providers = names.map((name) => start("provide.ts", directory, name));
    for (const provider of providers) assert.equal(await provider.line(), "serving");
    const until = performance.now() + 5_000;
    const seen = new Set<unknown>();
    while (seen.size < 2 && performance.now() < until) seen.add(await ask());
    assert.deepEqual([...seen].sort(), names);
    await providers[0]?.kill();
    for (let count = 0; count < 20; count += 1) assert.equal(await ask(), "two");
    await providers[1]?.kill();
    await tracker.stop();
    await coordinator.stop();
  },
  "a program ends by itself when all is stopped": async (directory) => {
    assert.deepEqual(await run("start-and-stop.ts", directory), { code: 0, stdout: "ended\n" });
    assert.deepEqual((await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".sock")), []);
  },
};
