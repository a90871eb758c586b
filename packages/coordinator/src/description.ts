import type { CallFigures } from "./call-statistics.ts";
import type { TaskProviders } from "./task-providers.ts";

/** One provider of a task, as a coordinator sees it. */
export interface ProviderSummary {
  /** Its name. */
  readonly provider: string;
  /** The machine that it is on; null for one of the socket directory. */
  readonly host: string | null;
  /** The one with the lowest number is asked first; 0 to 999. */
  readonly priority: number;
  /** How many calls are under way to it. */
  readonly inFlight: number;
  /** `aside`: it failed, and is tried again later. */
  readonly state: "ready" | "aside";
  /** How many calls it has answered with a result. */
  readonly done: number;
  /** How many calls it has failed. */
  readonly failed: number;
}

/** One task, as a coordinator sees it. */
export interface TaskSummary extends CallFigures {
  /** Its name. */
  readonly task: string;
  /** How many calls of it are under way. */
  readonly inFlight: number;
  /** Who serves it. */
  readonly providers: readonly ProviderSummary[];
}

/** What a coordinator answers to `acomm.describe`. */
export interface CoordinatorDescription {
  /** Tells it from a provider's. */
  readonly kind: "coordinator";
  /** Its name in the socket directory. */
  readonly name: string;
  /** The id of its process. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** How long ago that was, in milliseconds. */
  readonly uptimeMs: number;
  /** `draining` once it stops: then it refuses what comes with `stopping`. */
  readonly health: "ok" | "draining";
  /** The URL of its HTTP door; null where it has none. */
  readonly http: string | null;
  /** How many requests are under way through it. */
  readonly inFlight: number;
  /** The tasks that it knows, with their figures. */
  readonly tasks: readonly TaskSummary[];
}

export function summaryOf(providers: TaskProviders): TaskSummary {
  const { task, inFlight, statistics } = providers;
  return {
    task,
    inFlight,
    ...statistics.figures(),
    providers: providers.all().map(({ provider, host = null, priority, inFlight: calls, state, done, failed }) => ({ provider, host, priority, inFlight: calls, state: state === "ready" ? "ready" : "aside", done, failed })),
  };
}
