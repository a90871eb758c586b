/** The client's process: calls as one contestant, for as long and with as many in flight as it is told. */
import { deepEqual } from "node:assert/strict";
import { answer } from "../process/answer.ts";
import { bytesBetween, usage } from "../process/usage.ts";
import { contestants } from "./contestant.ts";
import type { ContestantName } from "./contestant.ts";

/** One measurement that the client is told to make. */
export interface Round {
  readonly seconds: number;
  readonly inFlight: number;
  readonly args: unknown;
  /** Those of the calls in turn, @default `args` for all */
  readonly variants?: readonly unknown[] | undefined;
}

/** What came of it. */
export interface RoundResult {
  readonly calls: number;
  readonly seconds: number;
  /** Each call's time, in milliseconds: the median and the 99th percentile. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** Of this process alone; undefined where V8 doesn't tell. */
  readonly allocatedBytes?: number | undefined;
}

const [name = "", socketPath = ""] = process.argv.slice(2);
const contestant = await contestants[name as ContestantName]();
const caller = await contestant.connect(socketPath);
answer({ measure });

async function measure({ seconds, inFlight, args, variants = [args] }: Round): Promise<RoundResult> {
  for (const variant of variants) deepEqual(await caller.call(variant), variant);
  let next = 0;
  const times: number[] = [];
  const before = usage();
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const callOn = async (): Promise<void> => {
    for (let sentAt = startedAt; sentAt < endsAt; ) {
      sentAt = performance.now();
      await caller.call(variants[(next += 1) % variants.length]);
      times.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, callOn));
  const endedAt = performance.now();
  const after = usage();
  const sorted = Float64Array.from(times).sort();
  return {
    calls: sorted.length,
    seconds: (endedAt - startedAt) / 1000,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    peakMiB: after.peakMiB,
    allocatedBytes: bytesBetween(before, after),
  };
}
