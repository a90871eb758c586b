/** What the unit files start, in a directory of the test: calls go on while both services are restarted, and one is killed. */
import { Tracker } from "acomm";
import type { AcommError } from "acomm";
import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Unit } from "./unit.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-units-"));
const coordinator = new Unit("acomm-coordinator.service", { socketDir });
const words = new Unit("acomm-provider@.service", { socketDir, instance: "words" });
await Promise.all([coordinator.start(), words.start()]); // in any order: a coordinator sees providers come and go

await using tracker = new Tracker();
await tracker.start();

// #region call
const url = `unix://${socketDir}/coordinator/main.sock`;
const count = (text: string): Promise<number> => tracker.request(url, { task: "count-words", args: text, timeoutMs: 30_000, retryForMs: 20_000 });
// #endregion

let isOver = false;
const failures: AcommError[] = [];
const answered = new EventEmitter();
async function callOn(): Promise<void> {
  while (!isOver) await count("one two three").then(() => answered.emit("one"), (error: unknown) => failures.push(error as AcommError));
}
const callers = Array.from({ length: 8 }, callOn);

/** Resolves when so many more calls have been answered. */
async function answers(more: number): Promise<void> {
  for await (const _ of on(answered, "one")) if (--more === 0) return;
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
const begun = Promise.withResolvers<unknown>();
const inDoubt = tracker.request(url, { task: "count-words", args: "long ".repeat(1_000), timeoutMs: 20_000, onProgress: begun.resolve });
const refused = assert.rejects(inDoubt, { code: "ambiguous" });
await begun.promise;
const exit = await words.stop("SIGKILL");
await refused;
await words.start();
await answers(50);
assert.ok(failures.every(({ code }) => code === "ambiguous"));
console.log(`${String(exit)} of words: what was under way is ambiguous, all other calls were answered`);

isOver = true;
await Promise.all(callers);
assert.deepEqual([await words.stop(), await coordinator.stop()], [0, 0]);
await rm(socketDir, { recursive: true });
console.log("stopped: exit 0");
