import { median } from "./section.ts";
import type { Row } from "./section.ts";

/** Something to be measured again and again. */
export interface Measured {
  readonly name: string;
  /** One round's figures, by the column's key. */
  readonly measure: () => Promise<Readonly<Record<string, number>>>;
}

/** Measures everything in turn, round after round; the first round warms up and does not count. */
export async function interleave(all: readonly Measured[], rounds: number): Promise<Row[]> {
  const lists = all.map(({ name, measure }) => ({ name, measure, measured: [] as Readonly<Record<string, number>>[] }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { measure, measured } of lists) {
      const figures = await measure();
      if (round > 0) measured.push(figures);
    }
  }
  return lists.map(({ name, measured }) => rowOf(name, measured));
}

/** The medians of some rounds. */
export function rowOf(name: string, measured: readonly Readonly<Record<string, number>>[]): Row {
  const keys = Object.keys(measured[0] ?? {});
  const rounds = Object.fromEntries(keys.map((key) => [key, measured.map((figures) => figures[key] ?? Number.NaN)]));
  return { name, values: Object.fromEntries(keys.map((key) => [key, median(rounds[key] ?? [])])), rounds };
}

/** Adds to each row its ratio to the row of that name, in one column's figures. */
export function relativeTo(base: string, key: string, rows: readonly Row[], ratioKey = "ratio"): Row[] {
  const whole = rows.find(({ name }) => name === base)?.values[key] ?? Number.NaN;
  return rows.map((row) => ({ ...row, values: { ...row.values, [ratioKey]: (row.values[key] ?? Number.NaN) / whole } }));
}
