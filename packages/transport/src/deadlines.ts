import { performance } from "node:perf_hooks";
import { catchUpMs, isHeldUp } from "./patient-timer.ts";

/** @internal Something that has a deadline. The queue's own fields are the links of its lists. */
export interface Deadline {
  /** When it expires, on the clock of `performance.now()`, in milliseconds. */
  deadline: number;
  /** The list that holds it; the queue's own, undefined at first. */
  bucket: DeadlineBucket | undefined;
  /** The queue's own, undefined at first. */
  previous: Deadline | undefined;
  /** The queue's own, undefined at first. */
  next: Deadline | undefined;
}

/** @internal The deadlines of one tick. */
export interface DeadlineBucket {
  /** When the list expires, in ticks. */
  readonly tick: number;
  /** The head of the list; undefined where it is empty. */
  first: Deadline | undefined;
}

/** Deadlines within the same tick share a list, and expire up to this much late. */
const tickMs = 4;
/** How long expiring may hold the event loop before others get their turn. */
const sliceMs = 10;

/**
 * @internal Any number of deadlines on one timer. Adding and removing take constant time for deadlines that come in order, as those of
 * equal timeouts do.
 */
export class Deadlines<Item extends Deadline> {
  readonly #onExpired: (item: Item) => void;
  readonly #buckets = new Map<number, DeadlineBucket>();
  /** The ticks of the buckets, the latest first, so that the next is at the end. */
  readonly #ticks: number[] = [];
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
    const tick = Math.ceil(item.deadline / tickMs);
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) {
      bucket = { tick, first: undefined };
      this.#buckets.set(tick, bucket);
      this.#insertTick(tick);
    }
    item.bucket = bucket;
    item.previous = undefined;
    item.next = bucket.first;
    if (bucket.first !== undefined) bucket.first.previous = item;
    bucket.first = item;
    this.#size += 1;
    if (tick < this.#timerTick) this.#arm(tick);
    else if (this.#size === 1) this.#timer?.ref();
  }

  /** All that are waiting. */
  values(): Item[] {
    const items: Item[] = [];
    for (const bucket of this.#buckets.values()) {
      for (let item = bucket.first; item !== undefined; item = item.next) items.push(item as Item);
    }
    return items;
  }

  /** Takes an item out; false where it isn't in. */
  remove(item: Item): boolean {
    const { bucket, previous, next } = item;
    if (bucket === undefined) return false;
    if (previous === undefined) bucket.first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    item.bucket = item.previous = item.next = undefined;
    this.#size -= 1;
    // an empty bucket goes when its tick comes; until then the timer holds nothing awake
    if (this.#size === 0) this.#timer?.unref();
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = this.#immediate = undefined;
    this.#timerTick = Infinity;
    this.#buckets.clear();
    this.#ticks.length = 0;
    this.#size = 0;
  }

  #insertTick(tick: number): void {
    const ticks = this.#ticks;
    // equal timeouts come in order, so the place is mostly the first
    let low = 0;
    let high = ticks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ticks[middle] ?? 0) > tick) low = middle + 1;
      else high = middle;
    }
    ticks.splice(low, 0, tick);
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
    const sliceEnd = performance.now() + sliceMs;
    const ticks = this.#ticks;
    for (let tick = ticks.at(-1); tick !== undefined && tick * tickMs <= performance.now(); tick = ticks.at(-1)) {
      const bucket = this.#buckets.get(tick);
      let count = 0;
      while (bucket?.first !== undefined) {
        const item = bucket.first as Item;
        this.#onExpired(item); // still in, so that whoever takes it out knows that it was
        this.remove(item);
        count += 1;
        if (count % 64 === 0 && performance.now() > sliceEnd) {
          this.#timerTick = -Infinity; // nothing arms a timer in between
          this.#immediate = setImmediate(() => { this.#expire(); });
          return;
        }
      }
      this.#buckets.delete(tick);
      if (ticks.at(-1) === tick) ticks.pop();
    }
    const nextTick = ticks.at(-1);
    if (nextTick !== undefined) this.#arm(nextTick);
  }
}
