import type { AcommError, TraceContext } from "@acomm/protocol";

/** Something that is to end with its parent: a call made on behalf of a request. */
export interface Dependent {
  /** The parent's signal has aborted, or had when this was attached. */
  parentAborted(reason: AcommError): void;
}

/** What a call inherits that is made on behalf of a request. The context of a handler is one. */
export interface CallParent {
  /** When it aborts, the call is given up. */
  readonly signal: AbortSignal;
  /** By when the call must have its outcome, on the clock of `performance.now()`, in milliseconds. @default it may take its own time */
  readonly deadline?: number | undefined;
  /** The trace that the call belongs to as well. */
  readonly trace?: TraceContext | undefined;
  /** Lets something end with the parent, for less than a signal costs. @default by way of `signal` */
  attach?(dependent: Dependent): void;
  /** Takes back what {@link attach} did. */
  detach?(dependent: Dependent): void;
}
