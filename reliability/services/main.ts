/** Coordinator and providers that are killed, restarted and left: `npm run -s pnpm -- run services`. Exits with 1 where a promise did not hold. */
import { parseArgs } from "node:util";
import { System } from "./system.ts";
import type { Outcomes } from "./system.ts";

const { values } = parseArgs({ options: { kills: { type: "string", default: "5" }, calls: { type: "string", default: "1000" }, rate: { type: "string", default: "500" }, restarts: { type: "string", default: "10" }, nested: { type: "string", default: "20" } } });
let violations = 0;

for (let round = 0; round < Number(values.kills); round += 1) {
  await using system = await System.start("coordinator", "left", "right");
  const outcome = await system.killOneOfTwo(Number(values.calls));
  tell(`kill -9 of one of two providers, ${values.calls} calls in flight`, outcome, `the next call is answered after ${outcome.takenOverMs.toFixed(0)} ms`);
  if (outcome.latestMs > 0 || outcome.ranTwice.length > 0 || outcome.takenOverMs > 100 || Object.keys(outcome.codes).some((code) => code !== "answered" && code !== "ambiguous")) violations += 1;
}

{
  await using system = await System.start("coordinator", "left");
  const outcome = await system.restartUnderLoad({ rate: Number(values.rate), restarts: Number(values.restarts) });
  tell(`${values.restarts} restarts of each, ${values.rate} calls a second`, outcome, `${outcome.calls} calls`);
  if (outcome.codes["answered"] !== outcome.calls || outcome.ranTwice.length > 0) violations += 1;
}

for (const kind of ["timeout", "cancelled"] as const) {
  await using system = await System.start("coordinator", "outer", "inner");
  const lateMs: number[] = [];
  for (let round = 0; round < Number(values.nested); round += 1) {
    const before = (await system.notes()).length;
    const giveUp = new AbortController();
    const startedAt = now();
    const call = system.tracker.request(system.url, { task: "outer", timeoutMs: kind === "timeout" ? 200 : 30_000, signal: giveUp.signal }).catch(() => undefined);
    while ((await system.notes()).length < before + 1) await new Promise((resolve) => setImmediate(resolve)); // the inner one has begun
    const at = kind === "timeout" ? startedAt + 200 : now();
    if (kind === "cancelled") giveUp.abort();
    await call;
    while ((await system.notes()).length < before + 3) await new Promise((resolve) => setImmediate(resolve));
    const ends = (await system.notes()).slice(before).map((line) => JSON.parse(line) as { readonly code: string; readonly at: number }).filter(({ code }) => code !== "began");
    if (ends.some(({ code }) => code !== kind)) violations += 1;
    lateMs.push(...ends.map((end) => end.at - at));
  }
  const left = (await system.describeProvider("inner", "inner")).tasks[0]?.running ?? 0;
  console.log(`${kind} through coordinator and two nested providers, ${values.nested} times: handlers abort ${Math.min(...lateMs).toFixed(1)} to ${Math.max(...lateMs).toFixed(1)} ms after it, ${left} are left`);
  if (Math.max(...lateMs) > 50 || Math.min(...lateMs) < -5 || left > 0) violations += 1;
}

console.log(violations === 0 ? "every promise held" : `${violations} violations`);
if (violations > 0) process.exitCode = 1;

function tell(what: string, { codes, ranTwice, latestMs }: Outcomes, more: string): void {
  console.log(`${what}: ${Object.entries(codes).map(([code, count]) => `${count} ${code}`).join(", ")}; ${ranTwice.length} ran twice; the latest ${(-latestMs / 1000).toFixed(1)} s before its deadline; ${more}`);
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
