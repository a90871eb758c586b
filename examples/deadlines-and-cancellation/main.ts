/** Who waits how long, who gives up, and who hears of it. */
import { Coordinator, createClient, Tracker } from "acomm";
import type { AcommError, CallLimits, CallOptions } from "acomm";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSlow, handlers } from "./slow.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-time-"));
const coordinator = new Coordinator({ socketDir });
const provider = createSlow(socketDir);
await coordinator.start();
await provider.start();

// #region client
const tracker = new Tracker({ defaultTimeoutMs: 10_000 }); // for calls that say nothing
await tracker.start();
const client = createClient<typeof provider>(tracker, { socketDir });
// #endregion

const outcomes: unknown[] = [];
/** Prints what the caller got, and waits for the handler to be told where that is of no use any more. */
async function show(what: string, call: Promise<unknown>, endsHandler: boolean): Promise<void> {
  const told = endsHandler ? once(handlers, "told") : undefined;
  const outcome = await call.catch((error: unknown) => (error as AcommError).code);
  await told;
  outcomes.push(outcome);
  console.log(`${what}: ${String(outcome)}${endsHandler ? ", and the handler was told" : ""}`);
}

// #region deadline
const call = client.request("work", { ms: 30_000 }, { timeoutMs: 100 });
// #endregion
await show("deadline", call, true);

// #region cancel
const controller = new AbortController();
const cancelled = client.request("work", { ms: 30_000, stepMs: 10 }, {
  signal: controller.signal,
  onProgress: () => { controller.abort(); }, // at its first word
});
// #endregion
await show("cancel", cancelled, true);

// #region idle
const limits: CallLimits = { timeoutMs: 60_000, idleTimeoutMs: 1_000, onProgress: () => undefined };
const lively = client.request("work", { ms: 1_200, stepMs: 100 }, limits);
const silent = client.request("work", { ms: 30_000 }, { ...limits, idleTimeoutMs: 100 });
// #endregion
await show("silent", silent, true);
await show("lively", lively, false);

// #region inherited
const outer = client.request("outer", undefined, { timeoutMs: 200 });
// #endregion
await show("inherited", outer, true);

// #region retry
const again: CallOptions = { task: "moody", timeoutMs: 5_000, retryForMs: 3_000 };
const moody = tracker.request(coordinator.url, again);
// #endregion
await show("retry", moody, false);

assert.deepEqual(outcomes, ["timeout", "cancelled", "timeout", "done", "timeout", "done at run 3"]);
await tracker.stop();
await coordinator.stop();
const { cut } = await provider.stop();
assert.deepEqual(cut, [], "no handler runs on for nobody");
await rm(socketDir, { recursive: true });
