/**
 * Runs the sections of the benchmark, prints each as a table and writes its figures:
 * `main.ts [--quick] [--text] [--only name,name] [--chart] [--tables]`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { callSections } from "./calls/calls.ts";
import { chartOf } from "./chart.ts";
import { coordinator } from "./coordinator/coordinator.ts";
import { dialBound } from "./dial-bound/dial-bound.ts";
import { fanOut } from "./fan-out/fan-out.ts";
import { pageWith } from "./page.ts";
import { pending } from "./pending/pending.ts";
import { machine, tableOf, writeResults } from "./report.ts";
import { scale } from "./scale/scale.ts";
import type { Section } from "./section.ts";
import { streams } from "./streams/streams.ts";
import { varied } from "./varied/varied.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    text: { type: "boolean", default: false },
    only: { type: "string" },
    chart: { type: "boolean", default: false },
    tables: { type: "boolean", default: false },
  },
});

/** The sections by name, in the order in which they run. */
const sections: Readonly<Record<string, (options: { readonly quick: boolean }) => Promise<Section | Section[]>>> = {
  ...callSections(options),
  varied,
  streams,
  pending,
  "fan-out": fanOut,
  "dial-bound": dialBound,
  coordinator,
  scale,
};

const page = new URL("../docs/performance.md", import.meta.url);
/** The sections of `docs/performance.svg` by what sets them apart. */
const charted = { "64 in flight": "calls-200-64", "1024 in flight": "calls-200-1024" };

const names = chosen();
if (options.chart && !Object.values(charted).every((name) => names.includes(name))) {
  throw new Error(`--chart needs the sections ${Object.values(charted).join(" and ")}`);
}
console.log(`Node ${machine.node}, ${machine.cores} x ${machine.cpu}`);
const measured = new Map<string, Section>();
for (const name of names) {
  for (const section of [(await sections[name]?.(options)) ?? []].flat()) {
    measured.set(section.name, section);
    console.log(`\n${tableOf(section)}`);
    await writeResults(section);
  }
}
console.log("\nEvery round is in benchmarks/results.");
if (options.chart) await writeFile(new URL("../docs/performance.svg", import.meta.url), chart());
if (options.tables) await writeFile(page, pageWith(await readFile(page, "utf8"), [...measured.values()]));

function chart(): string {
  return chartOf(
    Object.entries(charted).map(([label, name]) => ({ label, rows: measured.get(name)?.rows ?? [] })),
    {
      title: "Calls a second between two processes, 200 bytes each way",
      subtitle: `Medians, each with a line from the slowest round to the fastest. Node ${machine.node}, ${machine.cores} x ${machine.cpu}.`,
      column: { key: "callsPerSecond", unit: "calls a second" },
      highlight: "acomm",
    },
  );
}

/** A name stands for itself and for all that it begins: `calls` for every `calls-...`. */
function chosen(): string[] {
  const all = Object.keys(sections);
  if (options.only === undefined) return all;
  return options.only.split(",").flatMap((wanted) => {
    const found = all.filter((name) => name === wanted || name.startsWith(`${wanted}-`));
    if (found.length === 0) throw new Error(`no section is called ${wanted}; there are: ${all.join(", ")}`);
    return found;
  });
}
