/** The soak: `npm run -s pnpm -- run soak --minutes 30 --rate 500`. Exits with 1 where something was lost, ran twice or leaked. */
import { parseArgs } from "node:util";
import { kinds } from "./load.ts";
import type { Kind, Totals } from "./load.ts";
import { runSoak } from "./soak.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, rate: { type: "string", default: "500" } } });
const sumOf = (totals: Record<Kind, Totals>, value: (total: Totals) => number): number => kinds.reduce((sum, kind) => sum + value(totals[kind]), 0);
const failedIn = ({ failed }: Totals): number => Object.values(failed).reduce((sum, count) => sum + count, 0);

const report = await runSoak({
  seconds: Number(values.minutes) * 60,
  rate: Number(values.rate),
  onMinute(minute, totals) {
    console.log(`minute ${minute}: sent ${sumOf(totals, ({ sent }) => sent)}, answered ${sumOf(totals, ({ answered }) => answered)}, failed ${sumOf(totals, failedIn)}, lost ${sumOf(totals, ({ lost }) => lost)}`);
  },
});
const { totals, duplicated, processes, faults } = report;

print([
  ["calls", "sent", "answered", "lost", "corrupt", "failed"],
  ...kinds.map((kind) => {
    const { sent, answered, lost, corrupt, failed } = totals[kind];
    return [kind, ...[sent, answered, lost, corrupt].map(String), Object.entries(failed).map(([code, count]) => `${code} ${count}`).join(", ")];
  }),
]);
print([
  ["process", "RSS MiB at most", "at rest", "RSS MiB in 10 min", "live MiB in 10 min", "descriptors"],
  ...processes.map(({ name, peakMebibytes, restingMebibytes, rssSlopeMebibytes, liveSlopeMebibytes, descriptorDelta }) => [
    name,
    peakMebibytes.toFixed(1),
    restingMebibytes.toFixed(1),
    rssSlopeMebibytes.toFixed(2),
    liveSlopeMebibytes.toFixed(2),
    `${descriptorDelta >= 0 ? "+" : ""}${descriptorDelta}`,
  ]),
]);
console.log(`\nfaults: ${Object.entries(faults).map(([name, count]) => `${name} ${count}`).join(", ")}`);
console.log(`handlers that ran twice: ${duplicated.length}`);

const bad = sumOf(totals, ({ lost, corrupt }) => lost + corrupt) + duplicated.length + processes.reduce((sum, { descriptorDelta }) => sum + Math.abs(descriptorDelta), 0);
if (bad > 0) process.exitCode = 1;

function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  console.log();
  for (const row of rows) console.log(row.map((cell, column) => (column === 0 || column > 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ").trimEnd());
}
