/** One table of the report: what was compared, and each figure of each contestant. */
export interface Section {
  /** Names the file of its results. */
  readonly name: string;
  readonly title: string;
  /** How the figures were got, in a sentence or two. */
  readonly method: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** What a column shows, with its unit in the heading. */
export interface Column {
  readonly key: string;
  readonly heading: string;
  /** Digits after the point. @default 0 */
  readonly digits?: number;
}

/** One contestant's medians by the column's key, and every round behind them. */
export interface Row {
  readonly name: string;
  readonly values: Readonly<Record<string, number>>;
  readonly rounds?: Readonly<Record<string, readonly number[]>>;
}

/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
