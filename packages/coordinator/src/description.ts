import type { CallFigures } from "./call-statistics.ts";
import type { TaskProviders } from "./task-providers.ts";

/** One provider of a task, as a coordinator sees it. */
export interface ProviderSummary {
  readonly provider: string;
  /** The machine that it is on; null for one of the socket directory. */
  readonly host: string | null;
  readonly priority: number;
  readonly inFlight: number;
  /** `aside`: it failed, and is tried again later. */
  readonly state: "ready" | "aside";
  readonly done: number;
  readonly failed: number;
}

/** One task, as a coordinator sees it. */
export interface TaskSummary extends CallFigures {
  readonly task: string;
  readonly inFlight: number;
  readonly providers: readonly ProviderSummary[];
}

/** What a coordinator answers to `acomm.describe`. */
export interface CoordinatorDescription {
  readonly kind: "coordinator";
  readonly name: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly health: "ok" | "draining";
  /** The URL of its HTTP door; null where it has none. */
  readonly http: string | null;
  readonly inFlight: number;
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
