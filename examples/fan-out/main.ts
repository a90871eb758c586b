/** Many requests and one wait: what has come when the time is up, and what has not. */
import { MultiRequest, Provider, Tracker } from "acomm";
import type { MultiRequestOptions } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const socketDir = await mkdtemp(join(tmpdir(), "acomm-fan-out-"));

// four shops: two answer, one has nothing left, one is asleep
const shop = (name: string, price: () => number | Promise<number>) =>
  new Provider({ socketDir, name }).task(`price-at-${name}`, {}, async () => ({ price: await price() }));
const shops = [
  shop("north", () => 12),
  shop("south", () => 9),
  shop("east", () => { throw new Error("nothing left"); }),
  shop("west", () => new Promise<number>(() => undefined)),
];
for (const one of shops) await one.start();
const urlOf = (name: string): string => `unix://${socketDir}/price-at-${name}/50-${name}.sock`;

// #region fan-out
const tracker = new Tracker();
await tracker.start();

const options: MultiRequestOptions = { timeoutMs: 300 };
const multi = new MultiRequest(tracker, options);
for (const name of ["north", "south", "east", "west"]) {
  multi.request(name, urlOf(name), { task: `price-at-${name}` });
}
const responses = await multi.responses(); // never longer than 300 ms

for (const [name, { error, result }] of responses) {
  console.log(name, error === "" ? result : error.replace(/:.*/, ""));
}
// #endregion
assert.deepEqual([...responses.keys()], ["north", "south", "east", "west"]);
assert.deepEqual(responses.get("south")?.result, { price: 9 });
assert.match(responses.get("west")?.error ?? "", /^timeout: /);

// #region first
const others = new AbortController();
const calls = ["north", "west"].map((name) => tracker.request<{ readonly price: number }>(urlOf(name), { task: `price-at-${name}`, signal: others.signal }));
const first = await Promise.any(calls);
others.abort(); // the handlers of those that are not needed any more are told
const outcomes = await Promise.allSettled(calls);
console.log("the first one:", first, "then", outcomes.map(({ status }) => status).join(" and "));
// #endregion
assert.deepEqual(first, { price: 12 });

// #region partial
const patient = new MultiRequest(tracker);
for (const name of ["south", "west"]) patient.request(name, urlOf(name), { task: `price-at-${name}` });
while (patient.openCount > 1) await delay(5);
console.log("so far:", [...patient.partialResponses().keys()].join());
patient.removeRequest("west");
assert.equal((await patient.responses()).size, 1);
// #endregion

await tracker.stop();
for (const one of shops) await one.stop({ graceMs: 100 });
await rm(socketDir, { recursive: true });
