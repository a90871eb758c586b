import type { AcommError } from "@acomm/protocol";
import { setTimeout as wait } from "node:timers/promises";
import { openCaller } from "./caller.ts";
import type { Invocation } from "./command.ts";
import { Description, describeTask } from "./description.ts";
import { formatDuration } from "./duration.ts";
import { exitCodes } from "./exit-codes.ts";
import { printable } from "./output.ts";
import type { Output } from "./output.ts";
import { Screen } from "./screen.ts";
import type { TopValues } from "./settings.ts";
import { renderTasks } from "./task-table.ts";

/** How long one look may take, in milliseconds: a coordinator that is slower than that is shown as silent. */
const lookTimeoutMs = 2000;

/** `acomm top`: looks at a coordinator again and again; a screen that is written over on a terminal, a line of JSON a look elsewhere. */
export async function top(invocation: Invocation<TopValues>): Promise<number> {
  const { settings, output, interrupts } = invocation;
  const quit = new AbortController();
  const signal = AbortSignal.any([interrupts.signal, quit.signal]);
  const caller = await openCaller(invocation);
  let screen: Screen | undefined;
  try {
    for (let look = 1; ; look += 1) {
      const startedAt = performance.now();
      try {
        const { result: value } = await caller.call({ task: describeTask, args: null, timeoutMs: lookTimeoutMs, signal });
        if (output.format === "json") {
          output.json(value);
        } else {
          const text = await renderService(output, new Description(value));
          if (output.isTerminal) screen ??= new Screen(output, () => { quit.abort(); });
          if (screen === undefined) output.text(text);
          else screen.show(text);
        }
      } catch (error) {
        if (signal.aborted) break;
        if (screen === undefined) throw error; // there was nobody from the beginning, or nobody looks
        screen.show(`${output.paint("yellow", printable((error as AcommError).message))}\n\ntrying again`);
      }
      if (look === settings.count) break;
      await wait(Math.max(settings.intervalMs - (performance.now() - startedAt), 0), undefined, { signal }).catch(() => undefined); // aborted: see next
      if (signal.aborted) break;
    }
    return interrupts.exitCode ?? exitCodes.result;
  } finally {
    screen?.close();
    await caller.stop();
  }
}

async function renderService(output: Output, service: Description): Promise<string> {
  const { paint } = output;
  const tasks = service.list("tasks");
  const sum = (key: string): number => tasks.reduce((total, task) => total + (task.number(key) ?? 0), 0);
  const health = service.text("health") ?? "";
  const http = service.text("http");
  const head = [
    `${printable(service.text("kind") ?? "service")} ${paint("bold", printable(service.text("name") ?? ""))}`,
    paint(health === "ok" ? "green" : "yellow", printable(health)),
    `up ${formatDuration(service.number("uptimeMs") ?? 0)}`,
    `${service.number("inFlight") ?? sum("inFlight")} in flight`,
    `${Math.round(sum("perSecond"))}/s`,
    ...(http === undefined ? [] : [printable(http)]),
  ].join("  ");
  return `${head}\n\n${tasks.length === 0 ? "no tasks yet" : await renderTasks(output, tasks)}`;
}
