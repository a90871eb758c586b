import type { JsonSchema } from "./json-schema.ts";

/** What a provider answers to `acomm.describe`, on every socket of its tasks. */
export interface ProviderDescription {
  /** Tells it from a coordinator's. */
  readonly kind: "provider";
  /** The provider's name. */
  readonly name: string;
  /** The id of its process. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** How long ago that was, in milliseconds. */
  readonly uptimeMs: number;
  /** `draining` once it stops: then it refuses what comes with `stopping`. */
  readonly health: "ok" | "draining";
  /** All tasks that it serves, on whichever socket it was asked. */
  readonly tasks: readonly TaskDescription[];
}

/** One task of a provider, and what became of its requests. */
export interface TaskDescription {
  /** Its name. */
  readonly task: string;
  /** What the provider says about it; empty where it says nothing. */
  readonly description: string;
  /** The provider with the lowest number is asked first; 0 to 999. */
  readonly priority: number;
  /** Null where only the caller limits the time. */
  readonly timeoutMs: number | null;
  /** How many requests run at once. */
  readonly concurrency: number;
  /** How many more may wait. */
  readonly maxQueued: number;
  /** Whether it may run twice, as its provider says. */
  readonly idempotent: boolean;
  /** What the arguments must be, draft 2020-12; null where there is no schema, or its library doesn't say. */
  readonly args: JsonSchema | null;
  /** What the result will be, in the same way. */
  readonly result: JsonSchema | null;
  /** How many requests run now. */
  readonly running: number;
  /** How many requests wait now. */
  readonly queued: number;
  /** How many were answered with a result since the start. */
  readonly done: number;
  /** How many were answered with an error, those that timed out included. */
  readonly failed: number;
}
