import { median } from "./section.ts";
import type { Row } from "./section.ts";

/** Something to be measured again and again. */
export interface Measured {
  readonly name: string;
  /** One round's figures, by the column's key. */
  readonly measure: (isWarmUp: boolean) => Promise<Readonly<Record<string, number>>>;
}

/**
 * Measures everything in turn, round after round, so that over the rounds each follows each other one as often as any: what one
 * leaves behind, such as memory to be collected, falls on all alike. Rounds that warm up come first and do not count.
 */
export async function interleave(all: readonly Measured[], { rounds, warmUps = 1 }: { readonly rounds: number; readonly warmUps?: number }): Promise<Row[]> {
  const lists = all.map((each) => ({ ...each, measured: [] as Readonly<Record<string, number>>[] }));
  for (let round = 0; round < warmUps + rounds; round += 1) {
    for (const { measure, measured } of orderOf(lists, Math.max(0, round - warmUps))) {
      const figures = await measure(round < warmUps);
      if (round >= warmUps) measured.push(figures);
    }
  }
  return lists.map(({ name, measured }) => rowOf(name, measured));
}

/** A row of a Latin square by Williams; where the number of items is odd, every second square is turned round. */
export function orderOf<Item>(items: readonly Item[], round: number): Item[] {
  const count = items.length;
  const order = items.map((_, index) => items[(round + (index % 2 === 0 ? index / 2 : count - (index + 1) / 2)) % count] as Item);
  return count % 2 === 1 && Math.floor(round / count) % 2 === 1 ? order.reverse() : order;
}

/** The medians of some rounds. */
function rowOf(name: string, measured: readonly Readonly<Record<string, number>>[]): Row {
  const keys = Object.keys(measured[0] ?? {});
  const rounds = Object.fromEntries(keys.map((key) => [key, measured.map((figures) => figures[key] ?? Number.NaN)]));
  return { name, values: Object.fromEntries(keys.map((key) => [key, median(rounds[key] ?? [])])), rounds };
}

/**
 * Adds to each row its ratio to the row of that name, in one column's figures: the median of the ratios within each round. A
 * machine whose speed changes from round to round then changes the ratio less than it would that of two medians.
 */
export function relativeTo(base: string, key: string, rows: readonly Row[], ratioKey = "ratio"): Row[] {
  const wholes = rows.find(({ name }) => name === base)?.rounds?.[key] ?? [];
  return rows.map((row) => {
    const ratios = wholes.map((whole, round) => (row.rounds?.[key]?.[round] ?? Number.NaN) / whole);
    return { ...row, values: { ...row.values, [ratioKey]: median(ratios) }, rounds: { ...row.rounds, [ratioKey]: ratios } };
  });
}
