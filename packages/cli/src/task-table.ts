import type { Description } from "./description.ts";
import { printable } from "./output.ts";
import type { Output } from "./output.ts";

/** The tasks that a coordinator tells of, each with its providers below it. */
export async function renderTasks({ columns, paint }: Pick<Output, "columns" | "paint">, tasks: readonly Description[]): Promise<string> {
  const { renderTable } = await import("./table.ts");
  const failedOf = (one: Description): string => {
    const failed = one.number("failed") ?? 0;
    return failed === 0 ? "0" : paint("red", String(failed));
  };
  const rows = tasks.flatMap((task) => {
    const wasCalled = (task.number("done") ?? 0) + (task.number("failed") ?? 0) > 0;
    const timed = (key: string): string => (wasCalled ? latency(task.number(key)) : "");
    return [
      [paint("bold", printable(task.text("task") ?? "")), "", "", count(task.number("inFlight")), rate(task.number("perSecond")), timed("p50Ms"), timed("p99Ms"), count(task.number("done")), failedOf(task)],
      ...task.list("providers").map((provider) => {
        const state = provider.text("state") ?? "";
        const host = provider.text("host");
        return [`  ${printable(provider.text("provider") ?? "")}${host === undefined ? "" : ` on ${printable(host)}`}`, paint(state === "ready" ? "green" : "yellow", printable(state)), count(provider.number("priority")), count(provider.number("inFlight")), "", "", "", count(provider.number("done")), failedOf(provider)];
      }),
    ];
  });
  const numbers = ["PRIORITY", "IN FLIGHT", "RATE", "P50", "P99", "DONE", "FAILED"].map((title) => ({ title, align: "right" as const }));
  return renderTable([{ title: "TASK" }, { title: "STATE" }, ...numbers], rows, columns, paint);
}

function count(number: number | undefined): string {
  return number === undefined ? "" : String(Math.round(number));
}

function rate(perSecond: number | undefined): string {
  return perSecond === undefined ? "" : `${perSecond < 10 ? Number(perSecond.toFixed(1)) : Math.round(perSecond)}/s`;
}

function latency(ms: number | undefined): string {
  return ms === undefined ? "" : `${ms < 10 ? Number(ms.toPrecision(2)) : Math.round(ms)}ms`;
}
