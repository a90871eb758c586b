import { AcommError } from "@acomm/protocol";
import { openCaller } from "./caller.ts";
import type { Invocation } from "./command.ts";
import { Description, describeTask } from "./description.ts";
import { formatDuration } from "./duration.ts";
import { exitCodes } from "./exit-codes.ts";
import { viewJson } from "./json-view.ts";
import { printable } from "./output.ts";
import type { Output } from "./output.ts";
import type { DescribeValues } from "./settings.ts";
import { renderTasks } from "./task-table.ts";

/** `acomm describe`: what a service tells of itself, or of one of its tasks. */
export async function describe(invocation: Invocation<DescribeValues>): Promise<number> {
  const { operands, settings, output, interrupts } = invocation;
  const [task] = operands;
  const caller = await openCaller(invocation);
  try {
    const { result: value } = await caller.call({ task: describeTask, args: task === undefined ? null : { task }, timeoutMs: settings.timeoutMs, signal: interrupts.signal });
    if (task !== undefined) checkServes(new Description(value), task);
    if (output.format === "json") output.json(task === undefined ? value : onlyTask(value, task));
    else if (task === undefined) await writeService(output, new Description(value));
    else writeTask(output, new Description(value), task);
    return exitCodes.result;
  } finally {
    await caller.stop();
  }
}

/** @throws `unknown_task` where who was asked does not have the task */
function checkServes(service: Description, task: string): void {
  const tasks = service.list("tasks").map((one) => one.text("task") ?? "");
  if (!tasks.includes(task)) throw new AcommError("unknown_task", `${service.text("name") ?? "the service"} serves no task ${task}: it serves ${tasks.length === 0 ? "none" : tasks.join(", ")}`);
}

/** A provider describes all of its tasks. */
function onlyTask(value: unknown, task: string): unknown {
  const { tasks } = value as { readonly tasks?: unknown };
  return Array.isArray(tasks) ? { ...(value as object), tasks: tasks.filter((one: unknown) => new Description(one).text("task") === task) } : value;
}

async function writeService(output: Output, service: Description): Promise<void> {
  output.text(headOf(output, service));
  const tasks = service.list("tasks");
  if (tasks.length === 0) {
    output.note("acomm: nobody serves a task there yet: start a provider with acomm provider");
    return;
  }
  output.text("");
  if (service.text("kind") === "coordinator") {
    output.text(await renderTasks(output, tasks));
    return;
  }
  const { renderTable } = await import("./table.ts");
  const rows = tasks.map((task) => [
    printable(task.text("task") ?? ""),
    ...["priority", "running", "queued", "done", "failed"].map((key) => String(task.number(key) ?? "")),
    printable(task.text("description") ?? ""),
  ]);
  const titles = ["PRIORITY", "RUNNING", "WAITING", "DONE", "FAILED"].map((title) => ({ title, align: "right" as const }));
  output.text(renderTable([{ title: "TASK" }, ...titles, { title: "DESCRIPTION" }], rows, output.columns, output.paint));
}

/** `coordinator main  ok  pid 12  up 2m 5s`. */
function headOf({ paint }: Output, service: Description): string {
  const health = service.text("health") ?? "";
  const uptimeMs = service.number("uptimeMs");
  const http = service.text("http");
  return [
    `${printable(service.text("kind") ?? "service")} ${paint("bold", printable(service.text("name") ?? ""))}`,
    paint(health === "ok" ? "green" : "yellow", printable(health)),
    `pid ${service.number("pid") ?? "unknown"}`,
    ...(uptimeMs === undefined ? [] : [`up ${formatDuration(uptimeMs)}`]),
    ...(http === undefined ? [] : [printable(http)]),
  ].join("  ");
}

function writeTask(output: Output, service: Description, name: string): void {
  const { paint, columns } = output;
  const task = service.list("tasks").find((one) => one.text("task") === name) ?? new Description(undefined);
  const description = task.text("description") ?? "";
  output.text(`${paint("bold", name)}${description === "" ? "" : `  ${printable(description)}`}`);
  const line = (title: string, text: string): void => { output.text(`  ${title.padEnd(12)}${text}`); };
  const count = (key: string): string => String(task.number(key) ?? "?");
  const timeoutMs = task.number("timeoutMs");
  line("provider", headOf(output, service).replace(/^provider /, ""));
  line("priority", count("priority"));
  line("timeout", timeoutMs === undefined ? "the caller's" : formatDuration(timeoutMs));
  line("at once", `${count("concurrency")}, and ${count("maxQueued")} may wait`);
  line("idempotent", task.flag("idempotent") ? "yes" : "no");
  line("now", `${count("running")} running, ${count("queued")} waiting; ${count("done")} done, ${count("failed")} failed`);
  for (const [title, key] of [["arguments", "args"], ["result", "result"]] as const) {
    const schema = task.json(key);
    if (schema === undefined) line(title, "any");
    else output.text(`  ${title}\n${viewJson(JSON.stringify(withoutDialect(schema)), columns - 4, paint).replace(/^/gm, "    ")}`);
  }
}

/** Which draft a schema follows is of no use to a reader. */
function withoutDialect(schema: unknown): unknown {
  return typeof schema === "object" && schema !== null ? Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema")) : schema;
}
