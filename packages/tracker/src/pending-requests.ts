import { AcommError } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { Deadlines, withinGrace } from "@acomm/transport";
import type { Deadline } from "@acomm/transport";

/** A request that has no outcome yet. */
export interface PendingRequest extends Deadline {
  readonly id: string;
  readonly task: string;
  /** When it was tracked, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** Whether its answer is here and about to be settled with. */
  isClaimed: boolean;
  /** Whether it can be found by its id; kept by {@link PendingRequests}. */
  isNamed: boolean;
  /** What becomes of it; called once. */
  finish(outcome: Response | AcommError): void;
  /** Its outcome when the deadline has come: the error, or the response that says so. */
  expired(): Response | AcommError;
  /** Progress came at the hook. @default it is dropped */
  progressed?(value: unknown): void;
}

/**
 * The requests that are open. Each leaves through {@link settle}, once, whatever the outcome; that clears its deadline too.
 * Those whose answer may come to the hook can be found by their id; the others are known to their connection.
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
    return this.#deadlines.size;
  }

  /** @throws `overloaded` */
  add(pending: PendingRequest): void {
    if (this.#deadlines.size >= this.#maxPending) throw new AcommError("overloaded", `the tracker has ${this.#maxPending} requests open: wait for some, or raise maxPending`);
    this.#deadlines.add(pending);
  }

  /**
   * Lets responses that come to the hook find the request.
   *
   * @throws `duplicate_id`, in which case the first one lives on
   */
  name(pending: PendingRequest): void {
    if (this.#byId.has(pending.id)) throw new AcommError("duplicate_id", `a request with the id ${JSON.stringify(pending.id)} is open already: give each its own`);
    this.#byId.set(pending.id, pending);
    pending.isNamed = true;
  }

  /** Takes back what {@link name} did. */
  unname(pending: PendingRequest): void {
    if (!pending.isNamed) return;
    pending.isNamed = false;
    this.#byId.delete(pending.id);
  }

  /** The request that a response at the hook answers. */
  find(id: string): PendingRequest | undefined {
    return this.#byId.get(id);
  }

  /** All that are open. */
  values(): PendingRequest[] {
    return this.#deadlines.values();
  }

  /** Gives a request that is open another deadline. */
  renew(pending: PendingRequest, deadline: number): void {
    if (!this.#deadlines.remove(pending)) return;
    pending.deadline = deadline;
    this.#deadlines.add(pending);
  }

  /** Takes a request out without an outcome. Gives false where it isn't open. */
  remove(pending: PendingRequest): boolean {
    if (!this.#deadlines.remove(pending)) return false;
    this.unname(pending);
    if (this.#deadlines.size === 0) this.#onEmpty?.();
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
    if (this.size === 0 || graceMs <= 0) return Promise.resolve();
    return withinGrace(graceMs, (over) => { this.#onEmpty = over; });
  }

  /** Stops the deadlines; nothing may be open. */
  close(): void {
    this.#deadlines.clear();
  }
}
