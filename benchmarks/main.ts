/** Runs the sections of the benchmark, prints each as a table and writes its figures: `main.ts [--quick] [--text] [--only name,name]`. */
import { parseArgs } from "node:util";
import { callSections } from "./calls.ts";
import { machine, tableOf, writeResults } from "./report.ts";
import type { Section } from "./section.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    text: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

/** The sections by name, in the order in which they run. */
const sections: Readonly<Record<string, (options: { quick: boolean }) => Promise<Section>>> = {
  ...callSections(options),
};

console.log(`Node ${machine.node}, ${machine.cores} x ${machine.cpu}`);
for (const name of chosen()) {
  const section = await sections[name]?.(options);
  if (section === undefined) continue;
  console.log(`\n${tableOf(section)}`);
  await writeResults(section);
}
console.log("\nEvery round is in benchmarks/results.");

/** A name stands for itself and for all that it begins: `calls` for every `calls-...`. */
function chosen(): string[] {
  const names = Object.keys(sections);
  if (options.only === undefined) return names;
  return options.only.split(",").flatMap((wanted) => {
    const found = names.filter((name) => name === wanted || name.startsWith(`${wanted}-`));
    if (found.length === 0) throw new Error(`no section is called ${wanted}; there are: ${names.join(", ")}`);
    return found;
  });
}
