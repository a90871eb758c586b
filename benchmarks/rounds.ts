import { median } from "./section.ts";
import type { Row } from "./section.ts";

/** Something to be measured again and again. */
export interface Measured {
  readonly name: string;
  /** One round's figures, by the column's key. */
  readonly measure: (isWarmUp: boolean) => Promise<Readonly<Record<string, number>>>;
}

/**
 * Measures everything in turn, round after round, each beginning with another one so that nobody always follows the same.
 * Rounds that warm up come first and do not count.
 */
export async function interleave(all: readonly Measured[], { rounds, warmUps = 1 }: { readonly rounds: number; readonly warmUps?: number }): Promise<Row[]> {
  const lists = all.map((each) => ({ ...each, measured: [] as Readonly<Record<string, number>>[] }));
  for (let round = 0; round < warmUps + rounds; round += 1) {
    const first = Math.max(0, round - warmUps) % lists.length;
    for (const { measure, measured } of [...lists.slice(first), ...lists.slice(0, first)]) {
      const figures = await measure(round < warmUps);
      if (round >= warmUps) measured.push(figures);
    }
  }
  return lists.map(({ name, measured }) => rowOf(name, measured));
}

/** The medians of some rounds. */
function rowOf(name: string, measured: readonly Readonly<Record<string, number>>[]): Row {
  const keys = Object.keys(measured[0] ?? {});
  const rounds = Object.fromEntries(keys.map((key) => [key, measured.map((figures) => figures[key] ?? Number.NaN)]));
  return { name, values: Object.fromEntries(keys.map((key) => [key, median(rounds[key] ?? [])])), rounds };
}

/** Adds to each row its ratio to the row of that name, in one column's figures. */
export function relativeTo(base: string, key: string, rows: readonly Row[], ratioKey = "ratio"): Row[] {
  const whole = rows.find(({ name }) => name === base)?.values[key] ?? Number.NaN;
  return rows.map((row) => ({ ...row, values: { ...row.values, [ratioKey]: (row.values[key] ?? Number.NaN) / whole } }));
}
