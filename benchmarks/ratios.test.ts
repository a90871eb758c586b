import { join } from "node:path";
import { expect, test } from "vitest";
import { missingProgram } from "./calls/contestant.ts";
import { Pair } from "./calls/pair.ts";
import type { Measurement } from "./calls/pair.ts";
import { payloadOf } from "./payload.ts";
import { temporaryDirectory } from "./process/temporary-directory.ts";
import { usage } from "./process/usage.ts";
import { interleave } from "./rounds.ts";
import type { Measured } from "./rounds.ts";
import { varied } from "./varied/varied.ts";

// each bound is half of what `docs/performance.md` says: a machine that is busy must not fail, a mistake in the code must

/** The medians of a few short rounds of each, interleaved. */
async function compare<Name extends string>(names: readonly Name[], inFlight: number, bytes: number): Promise<Record<Name, Measurement>> {
  await using pairs = new AsyncDisposableStack();
  const directory = await temporaryDirectory(pairs);
  const measured: Measured[] = [];
  for (const [index, name] of names.entries()) {
    const pair = pairs.use(await Pair.start(name, join(directory, `${index}.sock`)));
    measured.push({ name, measure: () => pair.measure({ seconds: 0.2, inFlight, args: payloadOf(bytes) }) });
  }
  const rows = await interleave(measured, { rounds: 5 });
  return Object.fromEntries(rows.map(({ name, values }) => [name, values])) as Record<Name, Measurement>;
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

test.skipIf(usage().allocatedBytes === undefined)("200 bytes, 1024 in flight: near the bare socket in the memory that a call goes through", async () => {
  const { acomm, "bare net": bare } = await compare(["acomm", "bare net"], 1024, 200);
  expect(acomm.callerBytes / bare.callerBytes).toBeLessThan(2.2);
  expect(acomm.serviceBytes / bare.serviceBytes).toBeLessThan(3.2);
});

test("200 bytes, 64 in flight: near plain calls with a trace, one signal for all, a URL object, and where they are answered one by one", async () => {
  const [section] = await varied({ quick: true });
  const ratios = new Map(section?.rows.map(({ name, values }) => [name, values["ratio"]]));
  for (const [name, least] of [["a trace", 0.41], ["one signal for all", 0.49], ["to a URL object", 0.5], ["answered one by one", 0.45]] as const) expect([name, ratios.get(name) ?? 0]).toEqual([name, expect.toSatisfy((ratio: number) => ratio > least)]);
});

test.each([
  [4096, 64],
  [262_144, 16],
])("%d bytes, %d in flight: near the bare socket in calls", async (bytes, inFlight) => {
  const { acomm, "bare net": bare } = await compare(["acomm", "bare net"], inFlight, bytes);
  expect(acomm.callsPerSecond / bare.callsPerSecond).toBeGreaterThan(0.42);
});

test.skipIf(missingProgram("nats") !== undefined)("200 bytes, 64 in flight, through a nats-server: near its bare request and reply in calls", async () => {
  const { "acomm over nats": acomm, nats, "nats, without traces": lean } = await compare(["acomm over nats", "nats", "nats, without traces"], 64, 200);
  expect(acomm.callsPerSecond / nats.callsPerSecond).toBeGreaterThan(0.7);
  expect(acomm.callsPerSecond / lean.callsPerSecond).toBeGreaterThan(0.45);
});
