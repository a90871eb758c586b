/** The client's process: calls as one contestant, as often and with as many in flight as it is told. */
import { contestants } from "./contestant.ts";
import type { ContestantName } from "./contestant.ts";
import { payloadOf } from "./payload.ts";

/** One measurement that the client is told to make. */
export interface Round {
  readonly calls: number;
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** What came of it. */
export interface RoundResult {
  readonly seconds: number;
  /** Each call's time, in milliseconds: the median and the 99th percentile. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant = await contestants[name as ContestantName]();
const caller = await contestant.connect(socketPath);

process.on("message", (round: Round) => {
  void measure(round).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function measure({ calls, inFlight, payloadBytes }: Round): Promise<RoundResult> {
  const args = payloadOf(payloadBytes);
  const times = new Float64Array(calls);
  const before = process.resourceUsage();
  const startedAt = performance.now();
  let next = 0;
  const callOn = async (): Promise<void> => {
    for (let index = next++; index < calls; index = next++) {
      const sentAt = performance.now();
      await caller.call(args);
      times[index] = performance.now() - sentAt;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, callOn));
  const seconds = (performance.now() - startedAt) / 1000;
  const after = process.resourceUsage();
  times.sort();
  return {
    seconds,
    p50Ms: times[Math.floor(calls * 0.5)] ?? 0,
    p99Ms: times[Math.floor(calls * 0.99)] ?? 0,
    cpuSeconds: (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6,
    peakMiB: after.maxRSS / 1024,
  };
}
