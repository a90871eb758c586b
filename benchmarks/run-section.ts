/** Runs one benchmark by its name and prints its tables. */
import { parseArgs } from "node:util";
import { dialBound } from "./dial-bound.ts";
import { fanOut } from "./fan-out.ts";
import { pending } from "./pending.ts";
import { scale } from "./scale.ts";
import type { Section } from "./section.ts";
import { streams } from "./streams/streams.ts";

const benchmarks: Readonly<Record<string, (options: { readonly quick: boolean }) => Promise<Section | Section[]>>> = {
  streams,
  pending,
  "fan-out": fanOut,
  "dial-bound": dialBound,
  scale,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean", default: false } } });
for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) throw new Error(`there is no ${name}, only ${Object.keys(benchmarks).join(", ")}`);
  const startedAt = performance.now();
  for (const section of [await benchmark(values)].flat()) print(section);
  console.log(`\n${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

function print({ title, method, columns, rows }: Section): void {
  console.log(`\n${title}\n${method}`);
  console.log(columns.map(({ heading }) => heading.padStart(12)).join(""));
  for (const { name, values: figures } of rows) {
    console.log(`${columns.map(({ key, digits = 0 }) => (figures[key]?.toFixed(digits) ?? "").padStart(12)).join("")}  ${name}`);
  }
}
