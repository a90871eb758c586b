import { cpus } from "node:os";
import { boundOf, figureOf, isWithin } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** A case at full size. */
export interface Case {
  /** Of the reliability catalogue, or a name. */
  readonly numbers: string;
  readonly done: string;
  readonly run: () => Promise<Finding[]>;
}

/** Runs cases one after the other and prints what each came to; the process then exits with 1 where a figure is out of its bound. */
export async function runCases(cases: readonly Case[]): Promise<void> {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? ""}`);
  let violations = 0;
  for (const { numbers, done, run } of cases) {
    const startedAt = performance.now();
    const rows = (await run()).map((finding) => [isWithin(finding) ? "" : "NO", figureOf(finding), boundOf(finding), finding.what] as const);
    violations += rows.filter(([problem]) => problem !== "").length;
    console.log(`\n${numbers}: ${done} (${((performance.now() - startedAt) / 1000).toFixed(0)} s)`);
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const [problem, figure, bound, what] of [["ok", "figure", "bound", "what"] as const, ...rows.map(([problem, ...rest]) => [problem === "" ? "yes" : problem, ...rest] as const)]) {
      console.log(`  ${problem.padEnd(3)}  ${figure.padStart(Math.max(widths[1] ?? 0, 6))}  ${bound.padEnd(Math.max(widths[2] ?? 0, 5))}  ${what}`);
    }
  }
  console.log(violations === 0 ? "\nEvery figure is within its bound." : `\n${violations} figures are out of their bounds.`);
  process.exitCode = violations === 0 ? 0 : 1;
}
