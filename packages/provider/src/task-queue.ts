import { AcommError } from "@acomm/protocol";
import { cancelledError, checkCount } from "@acomm/transport";

/** How many requests of a task run at once, and how many more may wait. */
export interface TaskQueueOptions {
  readonly concurrency: number;
  readonly maxQueued: number;
}

/** The places of one task: so many requests run, so many more wait for their turn, first come, first served. */
export class TaskQueue {
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly #task: string;
  #taken = 0;
  #running = 0;
  #first: Place | undefined;
  #last: Place | undefined;

  /** @throws `bad_field` */
  constructor(task: string, options: TaskQueueOptions) {
    this.#task = task;
    this.concurrency = checkCount(options.concurrency, "concurrency");
    this.maxQueued = checkCount(options.maxQueued, "maxQueued", 0);
  }

  get runningCount(): number {
    return this.#running;
  }

  /** How many have a place and don't run yet. */
  get queuedCount(): number {
    return this.#taken - this.#running;
  }

  /** @throws `overloaded` where as many run and wait as may */
  reserve(): Place {
    if (this.#taken >= this.concurrency + this.maxQueued) {
      throw new AcommError("overloaded", `${this.#task} runs ${this.#running} requests and ${this.queuedCount} wait, which is all that it may: try again later`);
    }
    this.#taken += 1;
    return new Place(this);
  }

  /** @internal Whether there is room to run. */
  start(): boolean {
    if (this.#running >= this.concurrency) return false;
    this.#running += 1;
    return true;
  }

  /** @internal */
  append(place: Place): void {
    place.previous = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
  }

  /** @internal */
  remove(place: Place): void {
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    place.previous = place.next = undefined;
  }

  /** @internal */
  release(didRun: boolean): void {
    this.#taken -= 1;
    if (!didRun) return;
    const next = this.#first;
    if (next === undefined) this.#running -= 1;
    else next.begin(); // in the place of the one that has left
  }
}

/** The place of one request, from before it is acknowledged until its handler has ended. */
export class Place {
  /** @internal */
  previous: Place | undefined;
  /** @internal */
  next: Place | undefined;
  readonly #queue: TaskQueue;
  #state: "reserved" | "queued" | "running" | "left" = "reserved";
  #onTurn: (() => void) | undefined;

  /** @internal use `queue.reserve()` */
  constructor(queue: TaskQueue) {
    this.#queue = queue;
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Whether it was never entered. */
  get isReserved(): boolean {
    return this.#state === "reserved";
  }

  /**
   * Waits until it is its turn; undefined where that is now.
   *
   * @param signal asked for only where it has to wait
   * @throws the signal's reason, or `cancelled`
   */
  enter(signal: () => AbortSignal): Promise<void> | undefined {
    if (!this.#queue.start()) return this.#wait(signal());
    this.#state = "running";
    return undefined;
  }

  /** Gives the place to the next. Idempotent. */
  leave(): void {
    const state = this.#state;
    if (state === "left") return;
    this.#state = "left";
    if (state === "queued") this.#queue.remove(this);
    this.#queue.release(state === "running");
  }

  /** @internal Its turn has come. */
  begin(): void {
    this.#queue.remove(this);
    this.#state = "running";
    this.#onTurn?.();
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.leave();
        reject(cancelledError("a request in the queue of its task", signal));
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      this.#state = "queued";
      this.#queue.append(this);
      signal.addEventListener("abort", onAbort);
      this.#onTurn = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
    });
  }
}
