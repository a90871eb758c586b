/** Waits that end: with a value, by a time or by a signal; many deadlines on one timer; options that are checked. */
import { checkOptionNames, nearNames } from "@acomm/protocol";
import type { OptionNames } from "@acomm/protocol";
import { cancelledError, checkCount, checkDepth, checkGraceMs, checkSignal, checkTimeoutMs, Deadlines, delay, settledWithin, waitFor } from "@acomm/transport";
import type { Deadline, DeadlineBucket, WaitOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";

// an event as a promise that nobody can be left waiting for
const doors = new EventEmitter<{ open: [name: string] }>();
function nextOpen(options: WaitOptions): Promise<string> {
  return waitFor<string>("wait for a door", options, (resolve) => {
    doors.once("open", resolve);
    return () => doors.off("open", resolve); // what is to be undone where the wait ends early
  });
}
const opened = nextOpen({ timeoutMs: 1_000 });
doors.emit("open", "front");
assert.equal(await opened, "front");
await assert.rejects(nextOpen({ timeoutMs: 10 }), { code: "timeout", message: /within 10 ms/ });
const signal = AbortSignal.abort(new Error("not needed any more"));
await assert.rejects(nextOpen({ signal }), { code: "cancelled" });
assert.equal(doors.listenerCount("open"), 0);
assert.equal(cancelledError("wait", signal).code, "cancelled");
await delay(1);
await assert.rejects(delay(60_000, signal), { code: "cancelled" });

// no longer than that, whatever the others do
await settledWithin([Promise.resolve(1), new Promise(() => undefined)], 10);

// thousands of deadlines cost one timer
class Seat implements Deadline {
  readonly name: string;
  deadline: number;
  bucket: DeadlineBucket | undefined;
  previous: Deadline | undefined;
  next: Deadline | undefined;

  constructor(name: string, ms: number) {
    this.name = name;
    this.deadline = performance.now() + ms;
  }
}
const free: string[] = [];
const { promise: all, resolve } = Promise.withResolvers<undefined>();
const seats = new Deadlines<Seat>((seat) => {
  free.push(seat.name);
  if (seats.size === 1) resolve(undefined); // the one at hand
});
const kept = new Seat("kept", 5);
for (const seat of [new Seat("later", 40), kept, new Seat("soon", 10)]) seats.add(seat);
seats.remove(kept);
await all;
assert.deepEqual(free, ["soon", "later"]);
seats.clear();

// options say what is wrong with them
assert.deepEqual([checkTimeoutMs(500), checkGraceMs(0), checkCount(3, "maxSeats"), checkDepth(undefined)], [500, 0, 3, 256]);
assert.throws(() => checkTimeoutMs(0, "openMs"), /^AcommError: openMs must be a number of milliseconds from 1 to/);
assert.throws(() => checkCount(0.5, "maxSeats"), /maxSeats must be a whole number/);
assert.equal(checkSignal(signal), signal);
const names: OptionNames<WaitOptions> = { timeoutMs: true, signal: true };
assert.throws(() => { checkOptionNames<WaitOptions>(JSON.parse('{"timeout":1}') as WaitOptions, "nextOpen", names); }, /has no option timeout: did you mean timeoutMs\?/);
assert.deepEqual(nearNames("frnot", ["front", "back"]), ["front"]);
console.log("waits: one ended with a value, one by its time, one by its signal; two seats were free in their order");
