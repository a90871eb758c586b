import Table from "cli-table3";
import { stripVTControlCharacters } from "node:util";

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: "right";
}

type Paint = (style: "bold" | "dim", text: string) => string;

/** Nothing but space between the columns: what stands in a table can be copied and cut as it is. */
const noLines = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"].map((name) => [name, ""]),
);

/**
 * Lays rows out below their titles. Where they are wider than `columns`, the widest columns are cut, as far as that makes room.
 * Cells may hold colours, and have to be printable.
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number, paint: Paint): string {
  const widths = fit(columns.map((column, index) => Math.max(column.title.length, ...rows.map((row) => stripVTControlCharacters(row[index] ?? "").length))), width);
  const table = new Table({
    chars: noLines,
    style: { "padding-left": 0, "padding-right": gap, head: [], border: [] },
    colAligns: columns.map((column) => column.align ?? "left"),
    colWidths: widths.map((one) => one + gap),
  });
  table.push(columns.map(({ title }) => paint("bold", title)), ...rows.map((row) => [...row]));
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}

const gap = 2;
const leastWidth = 8;

function fit(widths: readonly number[], width: number): number[] {
  const fitted = [...widths];
  let excess = fitted.reduce((sum, one) => sum + one + gap, -gap) - width;
  while (excess > 0) {
    const widest = Math.max(...fitted);
    if (widest <= leastWidth) break;
    const index = fitted.indexOf(widest);
    fitted[index] = widest - 1;
    excess -= 1;
  }
  return fitted;
}
