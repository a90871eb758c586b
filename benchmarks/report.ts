import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import type { Section } from "./section.ts";

const results = new URL("results/", import.meta.url);

/** The machine that the figures are of. */
export const machine = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length, kernel: release() };

/** A section as a table for the terminal. */
export function tableOf({ title, method, columns, rows }: Section): string {
  const cells = [
    columns.map(({ heading }) => heading),
    ...rows.map(({ values }) => columns.map(({ key, digits }) => values[key]?.toFixed(digits ?? 0) ?? "")),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line, index) => {
    const figures = line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ");
    return index === 0 ? figures : `${figures}  ${rows[index - 1]?.name ?? ""}`;
  });
  return [title, method, "", ...lines].join("\n");
}

/** Writes a section, every round of it, to `results/`. */
export async function writeResults(section: Section): Promise<void> {
  await mkdir(results, { recursive: true });
  await writeFile(new URL(`${section.name}.json`, results), `${JSON.stringify({ machine, measuredAt: new Date().toISOString(), section }, undefined, 2)}\n`);
}
