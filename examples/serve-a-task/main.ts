/** A provider that is part of a program: started, called with its types, and stopped in order. */
import { createClient, Tracker } from "acomm";
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

// #region call
const tracker = new Tracker();
await tracker.start();
const words = createClient<typeof provider>(tracker, `unix://${socketDir}/count-words/50-words.sock`);
const { words: count } = await words.request("count-words", { texts: ["one two", "three"] });
// #endregion
assert.equal(count, 3);
console.log("three texts have", count, "words");

// #region wrong
const url = `unix://${socketDir}/count-words/50-words.sock`;
await assert.rejects(tracker.request(url, { task: "count-words", args: { texts: ["one", 2] } }), { code: "bad_field", message: /^args\.texts\.1: / });
await assert.rejects(tracker.request(`unix://${socketDir}/divide/50-words.sock`, { task: "divide", args: { by: 0 } }), { code: "remote", message: "nothing can be divided by 0" });
// #endregion

// #region stop
await tracker.stop();
const { cut } = await provider.stop({ graceMs: 5_000 });
console.log("cut off when it stopped:", cut.length);
// #endregion
assert.deepEqual(cut, []);
await rm(socketDir, { recursive: true });
