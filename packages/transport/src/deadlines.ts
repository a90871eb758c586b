import { performance } from "node:perf_hooks";
import { catchUpMs, isHeldUp } from "./patient-timer.ts";

/** @internal Something that has a deadline. */
export interface Deadline {
  /** When it expires, on the clock of `performance.now()`, in milliseconds; it stays the same while it is watched. */
  deadline: number;
  /** Those of the same tick, this one among them; the queue's own, undefined at first. */
  bucket: Deadline[] | undefined;
  /** Where it is among them; the queue's own. */
  bucketIndex: number;
}

/** Deadlines within the same tick share a bucket, and expire up to this much late. */
const tickMs = 4;
/** How long expiring may hold the event loop before others get their turn. */
const sliceMs = 10;

/**
 * @internal Any number of deadlines on one timer, which is set for what is open alone: while one is near, each wait for a socket costs more.
 * Adding and removing take constant time for deadlines that come in order, as those of equal timeouts do.
 */
export class Deadlines<Item extends Deadline> {
  readonly #onExpired: (item: Item) => void;
  readonly #buckets = new Map<number, Deadline[]>();
  /** The ticks of the buckets, and of some that are gone, the latest first, so that the next is at the end. */
  #ticks: number[] = [];
  /** That of the bucket that was made last, which stays though it is empty: what comes next mostly goes there too. */
  #latestTick = 0;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerTick = Infinity;
  #immediate: NodeJS.Immediate | undefined;

  constructor(onExpired: (item: Item) => void) {
    this.#onExpired = onExpired;
  }

  /** How many are waiting. */
  get size(): number {
    return this.#size;
  }

  /** Watches one until its deadline, or until it is removed. */
  add(item: Item): void {
    const tick = tickOf(item);
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) {
      if (this.#buckets.get(this.#latestTick)?.length === 0) this.#buckets.delete(this.#latestTick);
      this.#latestTick = tick;
      this.#buckets.set(tick, (bucket = []));
      this.#insertTick(tick);
    }
    item.bucket = bucket;
    item.bucketIndex = bucket.length;
    bucket.push(item);
    this.#size += 1;
    if (tick < this.#timerTick) this.#arm(tick);
    else if (this.#size === 1) this.#timer?.ref();
  }

  /** All that are waiting. */
  values(): Item[] {
    return [...this.#buckets.values()].flat() as Item[];
  }

  /** Takes an item out; false where it isn't in. */
  remove(item: Item): boolean {
    const { bucket, bucketIndex } = item;
    if (bucket === undefined) return false;
    const last = bucket.pop() ?? item;
    if (last !== item) {
      bucket[bucketIndex] = last;
      last.bucketIndex = bucketIndex;
    }
    item.bucket = undefined;
    this.#size -= 1;
    if (bucket.length === 0) {
      const tick = tickOf(item);
      if (tick !== this.#latestTick) this.#buckets.delete(tick);
      // the timer stays, and holds nothing awake; when it fires it is set for the next that is left
      if (this.#size === 0) this.#timer?.unref();
    }
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = this.#immediate = undefined;
    this.#timerTick = Infinity;
    this.#buckets.clear();
    this.#ticks = [];
    this.#size = 0;
  }

  #insertTick(tick: number): void {
    // those that are gone must not add up while all that is open is far away
    if (this.#ticks.length > 2 * this.#buckets.size + 64) this.#ticks = this.#ticks.filter((one) => this.#buckets.has(one));
    const ticks = this.#ticks;
    // equal timeouts come in order, so the place is mostly the first
    let low = 0;
    let high = ticks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ticks[middle] ?? 0) > tick) low = middle + 1;
      else high = middle;
    }
    if (ticks[low] !== tick) ticks.splice(low, 0, tick);
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#timerTick = tick;
    this.#timer = setTimeout(() => { this.#onTimer(tick); }, Math.max(tick * tickMs - performance.now(), 0) + 1);
    if (this.#size === 0) this.#timer.unref();
  }

  #onTimer(tick: number): void {
    if (!isHeldUp(tick * tickMs)) {
      this.#expire();
      return;
    }
    this.#timerTick = -Infinity; // nothing arms a timer in between
    this.#timer = setTimeout(() => { this.#expire(); }, catchUpMs);
    if (this.#size === 0) this.#timer.unref();
  }

  #expire(): void {
    this.#timer = this.#immediate = undefined;
    this.#timerTick = Infinity;
    const now = performance.now();
    for (let count = 1; ; count += 1) {
      const tick = this.#ticks.at(-1);
      if (tick === undefined) return;
      const item = this.#buckets.get(tick)?.at(-1) as Item | undefined;
      if (item === undefined) {
        this.#buckets.delete(tick);
        this.#ticks.pop();
      } else if (tick * tickMs > now) {
        this.#arm(tick);
        return;
      } else {
        this.#onExpired(item); // still in, so that whoever takes it out knows that it was
        this.remove(item);
      }
      if (count % 64 === 0 && performance.now() > now + sliceMs) {
        this.#timerTick = -Infinity; // nothing arms a timer in between
        this.#immediate = setImmediate(() => { this.#expire(); });
        return;
      }
    }
  }
}

function tickOf({ deadline }: Deadline): number {
  return Math.ceil(deadline / tickMs);
}
