/** Streams without a request around them: served at a socket, by a server of one's own, and read with limits. */
import { Tracker } from "@acomm/tracker";
import { openStream, serveUnixStream, stream } from "@acomm/transport";
import type { LazyStreamSource, OpenStreamOptions, ServedStream, ServedStreamOptions, StreamOptions, StreamServer, StreamSource, UnixStream, UnixStreamOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

const directory = await mkdtemp(join(tmpdir(), "acomm-streams-"));
const patience: ServedStreamOptions = { openTimeoutMs: 5_000, idleTimeoutMs: 5_000 };
const place: UnixStreamOptions = { ...patience, directory };
const silence: StreamOptions = { idleTimeoutMs: 5_000 };
const limits: OpenStreamOptions = { ...silence, timeoutMs: 1_000 };

// a source may be opened when its reader comes
let opened = 0;
const source: StreamSource = ["one ", "two"];
const lazy: LazyStreamSource = () => {
  opened += 1;
  return source;
};
const served: UnixStream = await serveUnixStream(lazy, place);
assert.equal(opened, 0);
assert.equal(await text(await openStream(served.url, limits)), "one two");
await served.done; // it was read to its end
assert.deepEqual(await readdir(directory), [], "its socket is gone");

// one that nobody wants any more
const unwanted: ServedStream = await serveUnixStream(["three"], place);
const outcome = assert.rejects(unwanted.done);
unwanted.cancel();
await outcome;
await assert.rejects(openStream(unwanted.url, limits), { code: "unavailable" });

// a tracker serves its streams by whatever it is given: this one counts them
const urls: string[] = [];
const counted: StreamServer = {
  async serveStream(given, options) {
    const one = await serveUnixStream(given, { ...options, directory });
    urls.push(one.url.href);
    return one;
  },
};
const tracker = new Tracker({ streams: counted });
await tracker.start();
const url = await tracker.createStream(["four ", "five"], patience);
const copy = new PassThrough();
const [bytes, copied] = await Promise.all([stream(copy, url, limits), text(copy)]);
assert.deepEqual([bytes, copied, urls.length], [9, "four five", 1]);

await tracker.stop();
await rm(directory, { recursive: true });
console.log("unix-streams: one opened when its reader came, one taken back, one served for a tracker");
