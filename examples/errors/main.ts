/** What can go wrong with a call, what its error says, and what to do about it. */
import { AcommError, Tracker } from "acomm";
import type { CallOptions, TaskDescription } from "acomm";
import { startFaultProxy } from "acomm/testing";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { adviceFor } from "./advice.ts";
import createShop from "./shop.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-errors-"));
const shop = createShop({ socketDir });
await shop.start();
const { buy = "", wait = "" } = shop.sockets;
const tracker = new Tracker();
await tracker.start();
const seen = new Map<string, AcommError>();

/** Makes a call that fails, and says how. */
async function fails(what: string, url: string, options: CallOptions): Promise<void> {
  const error: unknown = await tracker.request(url, options).then((result) => assert.fail(`${what}: ${JSON.stringify(result)}`), (reason: unknown) => reason);
  const advice = adviceFor(error);
  assert.ok(error instanceof AcommError);
  seen.set(what, error);
  console.log(`${what.padEnd(22)} ${error.code.padEnd(13)} ${advice}`);
}
/** Asks until the task `wait` is in that state. */
async function until(isSo: (task: TaskDescription) => boolean): Promise<void> {
  while (!shop.describe().tasks.some((task) => task.task === "wait" && isSo(task))) await setImmediate();
}
const buying = (item: string, count: unknown): CallOptions => ({ task: "buy", args: { item, count } });

await fails("the task throws", `unix://${buy}`, buying("moon", 1));
await fails("it says more", `unix://${buy}`, buying("star", 11));
await fails("wrong arguments", `unix://${buy}`, buying("star", "two"));
await fails("no such task", `unix://${buy}`, { task: "sell" });
await fails("busy, ask again", `unix://${buy}`, buying("star", 2));
await fails("nobody is there", `unix://${socketDir}/buy/50-other.sock`, buying("star", 2));
await fails("no answer in time", `unix://${wait}`, { task: "wait", timeoutMs: 100 });
await until(({ running }) => running === 0); // it has heard that its time is over

// a call that is taken, then the connection is gone: nobody can know whether it ran
const proxy = await startFaultProxy(join(socketDir, "cut", "wait.sock"), { target: wait });
const inDoubt = fails("cut in the middle", proxy.url.href, { task: "wait", timeoutMs: 5_000 });
await until(({ running }) => running === 1);
proxy.cut();
await inDoubt;
await until(({ running }) => running === 0); // its signal has aborted, since its caller is gone

// one runs, one waits for its turn, the third is too many
const giveUp = new AbortController();
const two = ["given up, it ran", "given up, it waited"].map((what) => fails(what, `unix://${wait}`, { task: "wait", signal: giveUp.signal }));
await until(({ queued }) => queued === 1);
await fails("too many at once", `unix://${wait}`, { task: "wait" });
giveUp.abort();
await Promise.all(two);

// #region details
const { message, details } = seen.get("it says more") ?? {};
assert.equal(message, "ten are all that one may have");
assert.deepEqual(details, { most: 10 });
assert.deepEqual(seen.get("wrong arguments")?.details, [{ message: "Invalid input: expected number, received string", path: ["count"] }]);
// #endregion

// #region retry
const bought = await tracker.request(`unix://${buy}`, { task: "buy", args: { item: "star", count: 2 }, timeoutMs: 5_000, retryForMs: 2_000 });
// #endregion
assert.equal(bought, "2 star");
console.log(`sent again until it ran: ${JSON.stringify(bought)}`);

await tracker.stop();
await proxy.stop();
await shop.stop();
await rm(socketDir, { recursive: true });
