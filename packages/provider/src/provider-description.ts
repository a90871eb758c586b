import type { JsonSchema } from "./json-schema.ts";

/** What a provider answers to `acomm.describe`, on every socket of its tasks. */
export interface ProviderDescription {
  readonly kind: "provider";
  readonly name: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  /** `draining` once it stops: then it refuses what comes with `stopping`. */
  readonly health: "ok" | "draining";
  readonly tasks: readonly TaskDescription[];
}

/** One task of a provider, and what became of its requests. */
export interface TaskDescription {
  readonly task: string;
  readonly description: string;
  readonly priority: number;
  /** Null where only the caller limits the time. */
  readonly timeoutMs: number | null;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly idempotent: boolean;
  /** What the arguments must be, draft 2020-12; null where there is no schema, or its library doesn't say. */
  readonly args: JsonSchema | null;
  /** What the result will be, in the same way. */
  readonly result: JsonSchema | null;
  readonly running: number;
  readonly queued: number;
  /** How many were answered with a result since the start. */
  readonly done: number;
  /** How many were answered with an error, those that timed out included. */
  readonly failed: number;
}
