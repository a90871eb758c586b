import type { AcommUrl, OptionNames, Request, TraceContext } from "@acomm/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Caller, LazyStreamSource } from "@acomm/tracker";

/** How a task is served; all have defaults. */
export interface TaskOptions<ArgsInput = unknown, Args = ArgsInput, Result = unknown, ResultOutput = Result> {
  /** Checks and converts the arguments before the handler runs; any Standard Schema. @default none, the handler gets what came */
  readonly args?: StandardSchemaV1<ArgsInput, Args> | undefined;
  /** Checks and converts what the handler returns; its output is what the caller gets. @default none: the caller's type is the handler's */
  readonly result?: StandardSchemaV1<Result, ResultOutput> | undefined;
  /**
   * From the acceptance to the answer, the wait for its turn included, in milliseconds, 1 to 2^31-1. The caller's own time
   * counts where it is shorter. @default none but the caller's
   */
  readonly timeoutMs?: number | undefined;
  /** Providers of lower numbers are asked first, 0 to 999. @default the provider's */
  readonly priority?: number | undefined;
  /** How many requests run at once. @default 64 */
  readonly concurrency?: number | undefined;
  /** How many more may wait for their turn; beyond them requests are refused with `overloaded`. @default 1000 */
  readonly maxQueued?: number | undefined;
  /** Whether a request may run twice without harm, which callers may look up. @default false */
  readonly idempotent?: boolean | undefined;
  /** What the task does, in a sentence. @default "" */
  readonly description?: string | undefined;
}

export const taskOptionNames: OptionNames<TaskOptions> = { args: true, result: true, timeoutMs: true, priority: true, concurrency: true, maxQueued: true, idempotent: true, description: true };

/** What the handler of a task gets. Each member may be taken out by itself. */
export interface TaskContext<Args = unknown> {
  /** The arguments, as the schema gives them. */
  readonly args: Args;
  /** The request itself, with its id and its `streamUrl`. */
  readonly request: Request;
  /** Aborts when the caller leaves or cancels, at the deadline, when a stop gives up waiting, and when the handler fails. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is, with any JSON value; goes nowhere where the caller didn't ask for it. */
  readonly progress: (value: unknown) => void;
  /**
   * Serves a source to one reader and attaches it to the response: at a socket of this provider, or on the network where the
   * request came from there. A request that fails takes its stream back.
   *
   * @throws `bad_field` where the response has a stream already, `cancelled` where the request is answered
   */
  readonly stream: (source: LazyStreamSource) => Promise<AcommUrl>;
  /** The trace that the request belongs to; undefined where it has none. */
  readonly trace: TraceContext | undefined;
  /** Calls that inherit what is left of this request's time, its end and its trace. */
  readonly tracker: Caller;
}

/** Runs a task: what it returns is the result, what it throws the response's error. */
export type TaskHandler<Args = unknown, Result = unknown> = (context: TaskContext<Args>) => Result | Promise<Result>;
