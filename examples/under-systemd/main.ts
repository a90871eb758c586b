/** What the unit files start, in a directory of the test: calls go on while both services are restarted, and one is killed. */
import { Tracker } from "acomm";
import type { AcommError } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Unit } from "./unit.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-units-"));
const coordinator = new Unit("acomm-coordinator.service", { socketDir });
const words = new Unit("acomm-provider@.service", { socketDir, instance: "words" });
await Promise.all([coordinator.start(), words.start()]); // in any order: a coordinator sees providers come and go

await using tracker = new Tracker();
await tracker.start();

// #region call
const url = `unix://${socketDir}/coordinator/main.sock`;
const count = (text: string): Promise<number> => tracker.request(url, { task: "count-words", args: text, timeoutMs: 10_000, retryForMs: 5_000 });
// #endregion

let isOver = false;
let answered = 0;
const failures: AcommError[] = [];
async function callOn(): Promise<void> {
  while (!isOver) await count("one two three").then((result) => { answered += Number(result === 3); }, (error: unknown) => failures.push(error as AcommError));
}
const callers = Array.from({ length: 8 }, callOn);

/** Resolves when so many more calls have been answered. */
async function answers(more: number): Promise<void> {
  const goal = answered + more;
  while (answered < goal) await setImmediate();
}

await answers(50);
for (const [name, unit] of Object.entries({ words, coordinator })) {
  const exit = await unit.stop();
  await unit.start();
  await answers(50);
  assert.deepEqual([exit, failures], [0, []]);
  console.log(`restart of ${name}: exit ${String(exit)}, ${failures.length} calls failed`);
}

// a process that is killed is another matter, Restart=always or not: what it had begun may have been done
const exit = await words.stop("SIGKILL");
await words.start();
await answers(50);
assert.ok(failures.length > 0 && failures.length <= 8);
assert.ok(failures.every(({ code }) => code === "ambiguous"));
console.log(`${String(exit)} of words: the calls under way are ambiguous, all others were answered`);

isOver = true;
await Promise.all(callers);
assert.deepEqual([await words.stop(), await coordinator.stop()], [0, 0]);
await rm(socketDir, { recursive: true });
console.log("stopped: exit 0");
