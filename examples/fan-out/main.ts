/** Many requests and one wait: what has come when the time is up, and what has not. */
import { MultiRequest, serve, Tracker, UnixListener } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-fan-out-"));

const never = new Promise(() => undefined);
const listener = new UnixListener(join(directory, "shops.sock"));
await listener.start();
const service = serve(listener, ({ task }) => {
  if (task === "sold-out") throw new Error("nothing left");
  return task === "asleep" ? never : { price: task.length };
});

const tracker = new Tracker();
await tracker.start();

const multi = new MultiRequest(tracker, { timeoutMs: 300 });
for (const task of ["north", "southern", "sold-out", "asleep"]) multi.request(task, listener.url, { task });
const responses = await multi.responses();

assert.deepEqual(responses.get("north")?.result, { price: 5 });
assert.deepEqual(responses.get("southern")?.result, { price: 8 });
assert.equal(responses.get("sold-out")?.error, "nothing left");
assert.match(responses.get("asleep")?.error ?? "", /^timeout: /);

await tracker.stop();
const { cut } = await service.stop({ graceMs: 100 });
assert.deepEqual(cut.map(({ task }) => task), ["asleep"]);
await rm(directory, { recursive: true });
console.log("fan-out: two answers, one error, one timeout");
