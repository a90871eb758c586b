import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Pair } from "./pair.ts";
import type { Measurement } from "./pair.ts";
import { payloadOf } from "./payload.ts";
import { median } from "./section.ts";

// each bound is half of what `docs/performance.md` says: a machine that is busy must not fail, a mistake in the code must

/** The medians of a few short rounds of each, interleaved. */
async function compare<Name extends string>(names: readonly Name[], inFlight: number, bytes: number): Promise<Record<Name, Measurement>> {
  const directory = await mkdtemp(join(tmpdir(), "acomm-ratios-"));
  const pairs: Pair[] = [];
  const measured: Measurement[][] = names.map(() => []);
  try {
    for (const [index, name] of names.entries()) pairs.push(await Pair.start(name, join(directory, `${index}.sock`)));
    for (let round = 0; round <= 5; round += 1) {
      for (const [index, pair] of pairs.entries()) {
        const measurement = await pair.measure({ seconds: 0.2, inFlight, args: payloadOf(bytes) });
        if (round > 0) measured[index]?.push(measurement); // the first warms up
      }
    }
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
    await rm(directory, { recursive: true, force: true });
  }
  const medianOf = (list: readonly Measurement[], key: keyof Measurement): number => median(list.map((each) => each[key]));
  const keys = ["callsPerSecond", "p50Ms", "p99Ms", "cpuSecondsPer100k", "peakMiB"] as const;
  return Object.fromEntries(names.map((name, index) => [name, Object.fromEntries(keys.map((key) => [key, medianOf(measured[index] ?? [], key)]))])) as unknown as Record<Name, Measurement>;
}

test("200 bytes, 64 in flight: near the bare socket in calls and processor time, far ahead of a connection for each message", async () => {
  const { acomm, "bare net": bare, "one connection per message": each } = await compare(["acomm", "bare net", "one connection per message"], 64, 200);
  expect(acomm.callsPerSecond / bare.callsPerSecond).toBeGreaterThan(0.4);
  expect(acomm.cpuSecondsPer100k / bare.cpuSecondsPer100k).toBeLessThan(2.5);
  expect(acomm.callsPerSecond / each.callsPerSecond).toBeGreaterThan(5);
});

test("200 bytes, one in flight: near the bare socket in time", async () => {
  const { acomm, "bare net": bare } = await compare(["acomm", "bare net"], 1, 200);
  expect(acomm.p50Ms / bare.p50Ms).toBeLessThan(2.4);
});

test.each([
  [4096, 64],
  [262_144, 16],
])("%d bytes, %d in flight: near the bare socket in calls", async (bytes, inFlight) => {
  const { acomm, "bare net": bare } = await compare(["acomm", "bare net"], inFlight, bytes);
  expect(acomm.callsPerSecond / bare.callsPerSecond).toBeGreaterThan(0.42);
});
