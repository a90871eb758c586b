/** A provider that is part of a program: started, called with its types, and stopped in order. */
import { createClient, Tracker } from "acomm";
import type { AcommError, ClientCallOptions, ProviderDescription, TaskDescription } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import createProvider from "./words.ts";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-"));

// #region serve
const provider = createProvider({ socketDir });
await provider.start();
// #endregion

// #region stop
const stop = async (): Promise<void> => {
  const { cut } = await provider.stop({ graceMs: 5_000 });
  for (const { task, id, ageMs } of cut) console.error(`cut off: ${task} ${id} after ${ageMs} ms`);
};
process.once("SIGTERM", () => void stop());
// #endregion

// #region call
const tracker = new Tracker();
await tracker.start();
const words = createClient<typeof provider>(tracker, `unix://${socketDir}/count-words/50-words.sock`);

const options: ClientCallOptions = { timeoutMs: 2_000, onProgress: (value) => { console.log("progress", value); } };
const { words: count } = await words.request("count-words", { texts: ["one two", "three"] }, options);
console.log("the texts have", count, "words");
// #endregion
assert.equal(count, 3);

// #region wrong
const say = (error: AcommError): string => `${error.code}: ${error.message}`;

const wrong = { task: "count-words", args: { texts: ["one two", 3] } };
const refused = await tracker.request(`unix://${socketDir}/count-words/50-words.sock`, wrong).catch(say);
console.log(refused);

const zero = { task: "divide", args: { by: 0 } };
const failed = await tracker.request(`unix://${socketDir}/divide/50-words.sock`, zero).catch(say);
console.log(failed);
// #endregion
assert.match(String(refused), /^bad_field: args\.texts\.1/);
assert.match(String(failed), /^remote: nothing can be divided by 0/);

// #region describe
const description = await tracker.request<ProviderDescription>(`unix://${socketDir}/divide/50-words.sock`, { task: "acomm.describe" });
const lines = description.tasks.map(({ task, done, failed: errors }: TaskDescription) => `${task}: ${done} done, ${errors} failed`);
console.log(lines.join("\n"));
// #endregion
assert.deepEqual(lines, ["count-words: 1 done, 1 failed", "divide: 0 done, 1 failed"]);

await tracker.stop();
await stop();
await rm(socketDir, { recursive: true });
