import { AcommError } from "@acomm/protocol";
import { openCaller } from "./caller.ts";
import type { Invocation } from "./command.ts";
import { formatDuration } from "./duration.ts";
import { exitCodes } from "./exit-codes.ts";
import { Latencies } from "./latencies.ts";
import type { Output } from "./output.ts";
import type { BenchValues } from "./settings.ts";
import { readTaskArguments } from "./task-arguments.ts";

interface Outcome {
  readonly task: string;
  readonly concurrency: number;
  readonly calls: number;
  readonly failed: number;
  /** How many calls failed, by the code of their error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  readonly perSecond: number;
  readonly latencyMs: Readonly<Record<"mean" | "p50" | "p90" | "p99" | "max", number>>;
}

/** `acomm bench`: calls a task again and again, and tells how many calls and how long they took. */
export async function bench(invocation: Invocation<BenchValues>): Promise<number> {
  const { operands, settings, output, interrupts } = invocation;
  const [task = "", ...words] = operands;
  const args = await readTaskArguments({ words, json: settings.json }, process.stdin, interrupts.signal);
  const { signal } = interrupts;
  const { timeoutMs, concurrency } = settings;
  const limit = settings.count ?? Infinity;
  const durationMs = settings.count === undefined ? settings.durationMs : Infinity;
  const caller = await openCaller(invocation);
  try {
    const wasInterrupted = (): boolean => signal.aborted;
    const call = (): Promise<unknown> => caller.call({ task, args, timeoutMs, signal });
    // one call before the clock runs: it connects, and finds out whether anybody is there
    await call().catch((error: unknown) => {
      if (error instanceof AcommError && (error.code === "unavailable" || error.code === "unknown_task" || error.code === "bad_field")) throw error;
    });
    const latencies = new Latencies();
    const errors = new Map<string, number>();
    let begun = 0;
    let calls = 0;
    const startedAt = performance.now();
    const until = startedAt + durationMs;
    const stopLine = await showCount(output, () => calls, startedAt);
    const work = async (): Promise<void> => {
      while (begun < limit && performance.now() < until && !wasInterrupted()) {
        begun += 1;
        const calledAt = performance.now();
        try {
          await call();
        } catch (error) {
          if (wasInterrupted()) return; // it was not let finish
          const code = error instanceof AcommError ? error.code : "error";
          errors.set(code, (errors.get(code) ?? 0) + 1);
        }
        calls += 1;
        latencies.add(performance.now() - calledAt);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    stopLine();
    const elapsedMs = performance.now() - startedAt;
    const outcome = outcomeOf({ task, concurrency, calls, errors, elapsedMs, latencies });
    if (output.format === "json") output.json(outcome);
    else writeOutcome(output, outcome, caller.url);
    return interrupts.exitCode ?? (outcome.failed === 0 ? exitCodes.result : exitCodes.remote);
  } finally {
    await caller.stop();
  }
}

function outcomeOf(measured: { readonly task: string; readonly concurrency: number; readonly calls: number; readonly errors: ReadonlyMap<string, number>; readonly elapsedMs: number; readonly latencies: Latencies }): Outcome {
  const { task, concurrency, calls, errors, elapsedMs, latencies } = measured;
  const rounded = (ms: number): number => Number(ms.toPrecision(3));
  return {
    task,
    concurrency,
    calls,
    failed: [...errors.values()].reduce((sum, count) => sum + count, 0),
    errors: Object.fromEntries(errors),
    elapsedMs: Math.round(elapsedMs),
    perSecond: Math.round((calls / elapsedMs) * 1000),
    latencyMs: { mean: rounded(latencies.meanMs), p50: rounded(latencies.quantileMs(0.5)), p90: rounded(latencies.quantileMs(0.9)), p99: rounded(latencies.quantileMs(0.99)), max: rounded(latencies.mostMs) },
  };
}

function writeOutcome(output: Output, outcome: Outcome, url: string): void {
  const { paint } = output;
  const line = (name: string, text: string): void => { output.text(`${paint("bold", name.padEnd(9))} ${text}`); };
  const { mean, p50, p90, p99, max } = outcome.latencyMs;
  output.text(`${outcome.task} at ${url}, ${outcome.concurrency} calls at once`);
  line("calls", `${outcome.calls} in ${formatDuration(outcome.elapsedMs)}`);
  line("rate", `${outcome.perSecond}/s`);
  line("latency", `mean ${mean}ms  p50 ${p50}ms  p90 ${p90}ms  p99 ${p99}ms  max ${max}ms`);
  const errors = Object.entries(outcome.errors).map(([code, count]) => `${count} ${code}`).join(", ");
  line("errors", errors === "" ? "none" : paint("red", errors));
}

/** Shows on a terminal how many calls there were so far. @returns what takes it away */
async function showCount(output: Output, count: () => number, startedAt: number): Promise<() => void> {
  if (!output.isNotesTerminal) return () => undefined;
  const { startProgressLine } = await import("./progress.ts");
  const line = startProgressLine(process.stderr);
  const timer = setInterval(() => { line.update(`${count()} calls  ${Math.round((count() / (performance.now() - startedAt)) * 1000)}/s  ${formatDuration(Math.round((performance.now() - startedAt) / 1000) * 1000)}`); }, 200);
  return () => {
    clearInterval(timer);
    line.stop();
  };
}
