import { AcommError } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { Deadlines } from "./deadlines.ts";
import type { Deadline } from "./deadlines.ts";

/** A request that has no outcome yet. */
export interface PendingRequest extends Deadline {
  /** Its key in the table. */
  readonly id: string;
  readonly task: string;
  /** When it was tracked, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** Whether a response that comes to the hook may be its answer. */
  readonly answersToHook: boolean;
  /** Whether its answer is here and about to be settled with. */
  isClaimed: boolean;
  /** What becomes of it; called once. */
  finish(outcome: Response | AcommError): void;
  /** The error of its deadline. */
  expired(): AcommError;
}

/**
 * The requests that are open, by id. Each leaves through {@link settle}, once, whatever the outcome; that clears its
 * deadline too.
 */
export class PendingRequests {
  readonly #byId = new Map<string, PendingRequest>();
  readonly #deadlines = new Deadlines<PendingRequest>((pending) => { this.settle(pending, pending.expired()); });
  readonly #maxPending: number;
  #onEmpty: (() => void) | undefined;

  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** @throws AcommError `duplicate_id`, in which case the first one lives on; `overloaded` */
  add(pending: PendingRequest): void {
    if (this.#byId.size >= this.#maxPending) throw new AcommError("overloaded", `the tracker has ${this.#maxPending} requests open: wait for some, or raise maxPending`);
    if (this.#byId.has(pending.id)) throw new AcommError("duplicate_id", `a request with the id ${JSON.stringify(pending.id)} is open already: give each its own`);
    this.#byId.set(pending.id, pending);
    this.#deadlines.add(pending);
  }

  /** Gives an open request another id. */
  rename(pending: PendingRequest, setId: () => void): void {
    this.#byId.delete(pending.id);
    setId();
    this.#byId.set(pending.id, pending);
  }

  find(id: string): PendingRequest | undefined {
    return this.#byId.get(id);
  }

  values(): Iterable<PendingRequest> {
    return this.#byId.values();
  }

  /** Takes a request out without an outcome. Gives false where it isn't open. */
  remove(pending: PendingRequest): boolean {
    if (this.#byId.get(pending.id) !== pending) return false;
    this.#byId.delete(pending.id);
    this.#deadlines.remove(pending);
    if (this.#byId.size === 0) this.#onEmpty?.();
    return true;
  }

  /** The one way out. Gives false where the request has had its outcome. */
  settle(pending: PendingRequest, outcome: Response | AcommError): boolean {
    if (!this.remove(pending)) return false;
    pending.finish(outcome);
    return true;
  }

  /** Waits until none is open, no longer than `graceMs`. */
  empty(graceMs: number): Promise<void> {
    if (this.#byId.size === 0 || graceMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Stops the deadlines; nothing may be open. */
  close(): void {
    this.#deadlines.clear();
  }
}
