/** One figure that a case came to, and what it may be. */
export interface Finding {
  readonly what: string;
  readonly figure: number;
  readonly unit: Unit;
  readonly atLeast?: number;
  readonly atMost?: number;
}

type Unit = "" | "MiB" | "ms" | "s" | "%" | "/s";

export const mebibyte: number = 1024 * 1024;

/** A figure that must be this one. */
export function exactly(what: string, figure: number, expected: number): Finding {
  return { what, figure, unit: "", atLeast: expected, atMost: expected };
}

/** A figure with an upper bound. */
export function atMost(what: string, figure: number, bound: number, unit: Unit = ""): Finding {
  return { what, figure, unit, atMost: bound };
}

/** A figure with a lower bound. */
export function atLeast(what: string, figure: number, bound: number, unit: Unit = ""): Finding {
  return { what, figure, unit, atLeast: bound };
}

/** A figure that is told for the reader, without a bound. */
export function told(what: string, figure: number, unit: Unit = ""): Finding {
  return { what, figure, unit };
}

/** Whether the figure is what it may be; NaN never is, where there is a bound. */
export function isWithin({ figure, atLeast: least = -Infinity, atMost: most = Infinity }: Finding): boolean {
  return (least === -Infinity && most === Infinity) || (figure >= least && figure <= most);
}

/** The findings that are out of bounds, as sentences: empty where all is well. */
export function violationsOf(findings: readonly Finding[]): string[] {
  return findings.filter((finding) => !isWithin(finding)).map((finding) => `${finding.what}: ${figureOf(finding)}, but must be ${boundOf(finding)}`);
}

/** The figure as it is shown. */
export function figureOf({ figure, unit }: Finding): string {
  const digits = Number.isInteger(figure) ? 0 : Math.abs(figure) < 10 ? 2 : 1;
  return `${figure.toFixed(digits)}${unit === "" || unit === "%" || unit === "/s" ? unit : ` ${unit}`}`;
}

/** The bound as it is shown. */
export function boundOf({ atLeast: least, atMost: most, unit }: Finding): string {
  const shown = unit === "" || unit === "%" || unit === "/s" ? unit : ` ${unit}`;
  if (least !== undefined && least === most) return `${least}${shown}`;
  return [...(least === undefined ? [] : [`≥ ${least}${shown}`]), ...(most === undefined ? [] : [`≤ ${most}${shown}`])].join(" and ");
}

/** The value below which the given part of them is; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? Number.NaN;
}
