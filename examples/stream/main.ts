/** A stream beside the messages: read to its end, and cut short, which is an error and never a short file. */
import { openStream, stream, Tracker } from "acomm";
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { PassThrough } from "node:stream";

const failures: string[] = [];
const tracker = new Tracker({ onError: (error) => failures.push(error.message) });
await tracker.start();

// the source is opened when the reader comes
const url = await tracker.createUnixStream(() => createReadStream(import.meta.filename));
assert.equal(await text(await openStream(url)), await readFile(import.meta.filename, "utf8"));

// each stream can be read once
await assert.rejects(openStream(url), { code: "unavailable" });

// a source that fails after its first bytes
async function* failing(): AsyncGenerator<string, void> {
  yield "the first half, ";
  await Promise.reject(new Error("the disk went away"));
}
const cut = await tracker.createUnixStream(failing());
await assert.rejects(stream(new PassThrough().resume(), cut), { code: "truncated_stream" });

const report = await tracker.stop();
assert.equal(report.cutConnections, 0);
assert.equal(failures.length, 1);
console.log("stream: one read to its end, one cut short and noticed");
