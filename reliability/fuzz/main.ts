/**
 * Fuzzes a service and a tracker in a process of their own and prints what became of it:
 * `main.ts [--frames 1000000] [--seed N]`. Ends with 1 where anything was violated; what did harm is then in the corpus.
 */
import { parseArgs } from "node:util";
import { fuzzLive } from "./live.ts";

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
  },
});
// a few connections that are kept for half a minute may be open at one time and not at the other; thousands were opened
const limits = { delayMs: 200, rssGrowthBytes: 64 * 1024 * 1024, descriptorGrowth: 16, echoMs: 2000 };
const plan = { frames: Number(values.frames), seed: Number(values.seed) };
if (!Number.isInteger(plan.frames) || plan.frames < 1 || !Number.isInteger(plan.seed)) throw new Error("--frames and --seed take whole numbers");

console.log(`seed ${plan.seed}`);
const startedAt = performance.now();
const report = await fuzzLive(plan);
const { target } = report;
const row = (label: string, value: string | number): void => { console.log(`${label.padEnd(50)}${value}`); };
const rows = (counts: Readonly<Record<string, number>>): void => {
  for (const [name, count] of Object.entries(counts).sort(([, a], [, b]) => b - a)) row(`  ${name}`, count);
};
row("seconds", Math.round((performance.now() - startedAt) / 1000));
row("frames to a service and to a response socket", report.frames);
rows(report.verdicts);
row("connections cut for broken framing", report.cutConnections);
row("frames from a hostile service", report.hostileFrames);
row("  on connections", report.hostileConnections);
row("calls to it and requests tracked meanwhile", Object.values(target.outcomes).reduce((sum, count) => sum + count, 0));
rows(target.outcomes);
row("longest event-loop delay, of its own doing, ms", report.maxBusyMs.toFixed(1));
row("longest event-loop delay in all, ms", report.maxDelayMs.toFixed(1));
row("RSS growth, MiB", (report.rssGrowthBytes / 1024 / 1024).toFixed(1));
row("descriptors more than under attack", report.descriptorGrowth);
row("unhandled", target.unhandled.length);
row("echoes of a good client, slowest in ms", `${report.echoes}, ${report.slowestEchoMs.toFixed(1)}`);

const violations = [
  ...report.violations,
  ...(report.maxBusyMs < limits.delayMs ? [] : [`the event loop was held up for ${report.maxBusyMs.toFixed(1)} ms, the limit is ${limits.delayMs}`]),
  ...(report.rssGrowthBytes < limits.rssGrowthBytes ? [] : [`RSS grew by ${report.rssGrowthBytes} bytes, the limit is ${limits.rssGrowthBytes}`]),
  ...(report.descriptorGrowth <= limits.descriptorGrowth ? [] : [`${report.descriptorGrowth} descriptors are left, the limit is ${limits.descriptorGrowth}`]),
  ...(report.slowestEchoMs < limits.echoMs ? [] : [`an echo took ${report.slowestEchoMs.toFixed(1)} ms, the limit is ${limits.echoMs}`]),
];
for (const violation of violations) console.log(`VIOLATED ${violation}`);
for (const file of report.kept) console.log(`kept ${file}`);
process.exitCode = violations.length === 0 ? 0 : 1;
