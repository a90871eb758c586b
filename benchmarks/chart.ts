import type { Row } from "./section.ts";

/** One bar for each contestant. */
export interface Series {
  readonly label: string;
  readonly rows: readonly Row[];
}

export interface ChartOptions {
  readonly title: string;
  readonly subtitle: string;
  /** The column that is drawn, with its unit. */
  readonly column: { readonly key: string; readonly unit: string };
  /** The contestant whose bars are coloured. */
  readonly highlight: string;
}

const width = 880;
const left = 218;
const right = width - 70;
const top = 104;
const barHeight = 12;
const groupGap = 15;

// an image knows the reader's scheme and not the page's, so that it brings a background of its own
const style = `
  .ground { fill: #ffffff; stroke: #d1d9e0; } .grid { stroke: #e4e8ec; } .spread { stroke: #1f2328; opacity: 0.75; }
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 18px; font-weight: 600; } .quiet { fill: #59636e; font-size: 12px; } .ours { font-weight: 600; }
  .s0 { fill: #7b8794; } .s1 { fill: #bcc5ce; } .ours.s0 { fill: #0969da; } .ours.s1 { fill: #74b0f4; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d; } .grid { stroke: #21262d; } .spread { stroke: #f0f6fc; }
    text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .s0 { fill: #8b949e; } .s1 { fill: #4b535d; } .ours.s0 { fill: #58a6ff; } .ours.s1 { fill: #2259a3; }
  }`;

/** A chart of horizontal bars as SVG: a group for each contestant, the highest of the first series on top, at most two series. */
export function chartOf(series: readonly Series[], { title, subtitle, column, highlight }: ChartOptions): string {
  const names = (series[0]?.rows ?? []).toSorted((a, b) => (b.values[column.key] ?? 0) - (a.values[column.key] ?? 0)).map(({ name }) => name);
  const groupHeight = series.length * barHeight + groupGap;
  const bottom = top + names.length * groupHeight;
  const highest = Math.max(...series.flatMap(({ rows }) => rows.flatMap((row) => roundsOf(row, column.key))));
  const x = (value: number): number => left + ((right - left) * value) / highest;

  const parts: string[] = [];
  for (let tick = 0; tick <= highest; tick += stepOf(highest)) {
    parts.push(`<line class="grid" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${top - 6}" y2="${bottom}"/>`);
    parts.push(`<text class="quiet" text-anchor="middle" x="${at(x(tick))}" y="${bottom + 18}">${short(tick)}</text>`);
  }
  names.forEach((name, group) => {
    const y = top + group * groupHeight;
    const ours = name === highlight ? " ours" : "";
    parts.push(`<text class="name${ours}" text-anchor="end" x="${left - 10}" y="${y + (series.length * barHeight) / 2 + 4}">${escape(name)}</text>`);
    series.forEach(({ rows }, index) => {
      const row = rows.find((candidate) => candidate.name === name);
      const value = row?.values[column.key];
      if (row === undefined || value === undefined) return;
      const rounds = roundsOf(row, column.key);
      const barTop = y + index * barHeight;
      const middle = barTop + barHeight / 2 - 0.5;
      const end = x(Math.max(...rounds));
      parts.push(`<rect class="s${index}${ours}" x="${left}" y="${barTop}" width="${at(x(value) - left)}" height="${barHeight - 1}"/>`);
      parts.push(`<line class="spread" x1="${at(x(Math.min(...rounds)))}" x2="${at(end)}" y1="${middle}" y2="${middle}"/>`);
      parts.push(`<text class="quiet" x="${at(end + 6)}" y="${middle + 4}">${short(value)}</text>`);
    });
  });
  series.forEach(({ label }, index) => {
    const legendX = left + index * 130;
    parts.push(`<rect class="s${index}" x="${legendX}" y="76" width="12" height="12"/><text x="${legendX + 18}" y="87">${escape(label)}</text>`);
  });

  const height = bottom + 50;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escape(title)}</title>
<desc id="desc">${escape(description(names, series, column.key))}</desc>
<style>${style}
</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<text class="title" x="24" y="36">${escape(title)}</text>
<text class="quiet" x="24" y="57">${escape(subtitle)}</text>
<text class="quiet" text-anchor="middle" x="${(left + right) / 2}" y="${bottom + 36}">${escape(column.unit)}</text>
${parts.join("\n")}
</svg>
`;
}

/** The same in words. */
function description(names: readonly string[], series: readonly Series[], key: string): string {
  return names
    .map((name) => {
      const figures = series.map(({ label, rows }) => `${short(rows.find((row) => row.name === name)?.values[key] ?? 0)} with ${label}`);
      return `${name}: ${figures.join(", ")}.`;
    })
    .join(" ");
}

function roundsOf({ values, rounds }: Row, key: string): readonly number[] {
  return rounds?.[key] ?? [values[key] ?? 0];
}

/** A distance of 1, 2 or 5 times a power of ten, for five to ten lines. */
function stepOf(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(highest / 5));
  return power * ([5, 2].find((times) => highest / (power * times) >= 5) ?? 1);
}

function at(coordinate: number): string {
  return coordinate.toFixed(1);
}

const compact = new Intl.NumberFormat("en", { notation: "compact" });

function short(value: number): string {
  return compact.format(value).toLowerCase();
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
