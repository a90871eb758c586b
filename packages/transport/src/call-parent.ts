import type { AcommError, TraceContext } from "@acomm/protocol";

/** @internal Something that is to end with its parent: a call made on behalf of a request. */
export interface Dependent {
  /** The parent's signal has aborted, or had when this was attached. */
  parentAborted(reason: AcommError): void;
}

/** What calls on behalf of a request inherit. The context of a handler is one. */
export interface CallParent {
  /** Its abort gives the call up. */
  readonly signal: AbortSignal;
  /** By when the call must have its outcome, on the clock of `performance.now()`. @default none */
  readonly deadline?: number | undefined;
  /** The trace of the call. */
  readonly trace?: TraceContext | undefined;
  /** @internal Lets something end with the parent, for less than a signal costs. @default by way of `signal` */
  attach?(dependent: Dependent): void;
  /** @internal Takes back what {@link attach} did. */
  detach?(dependent: Dependent): void;
}
