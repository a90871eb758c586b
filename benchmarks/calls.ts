/** Calls a second over a unix socket: every contestant in two processes of its own, their rounds interleaved. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contestants, goPeer, missingProgram } from "./contestant.ts";
import { Pair } from "./pair.ts";
import type { Measurement } from "./pair.ts";
import { payloadOf, textOf } from "./payload.ts";
import { median } from "./section.ts";
import type { Column, Row, Section } from "./section.ts";

/** What the tables of calls compare. */
export interface CallsOptions {
  /** Fewer contestants, fewer tables, shorter rounds. */
  readonly quick: boolean;
  /** One long string as the payload, the cheapest JSON there is, instead of records. */
  readonly text: boolean;
}

const columns: readonly Column[] = [
  { key: "callsPerSecond", heading: "calls/s" },
  { key: "slowest", heading: "slowest" },
  { key: "fastest", heading: "fastest" },
  { key: "ofBare", heading: "of bare", digits: 2 },
  { key: "p50Ms", heading: "p50 ms", digits: 3 },
  { key: "p99Ms", heading: "p99 ms", digits: 3 },
  { key: "cpuSecondsPer100k", heading: "cpu s/100k", digits: 2 },
  { key: "cpuOfBare", heading: "of bare", digits: 2 },
  { key: "peakMiB", heading: "peak MiB" },
];

/** The payload's size in bytes, and how many calls are in flight. */
const sizes = [
  [200, [1, 64, 1024]],
  [4096, [1, 64, 1024]],
  [262_144, [1, 64]], // with more, a gigabyte on its way measures the memory
] as const;
const quickSizes = [[200, [1, 64, 1024]]] as const;

const all = [...Object.keys(contestants), goPeer];
const few = ["acomm", "bare net", "one connection per message"];
const ofLargePayloads = [...few, "grpc-js", "undici"];

/** The tables by name: one for each size of the payload and number of calls in flight. */
export function callSections({ quick, text }: CallsOptions): Record<string, () => Promise<Section>> {
  const sections: Record<string, () => Promise<Section>> = {};
  for (const [bytes, inFlights] of quick ? quickSizes : sizes) {
    for (const inFlight of inFlights) {
      const name = `calls-${text ? "text-" : ""}${bytes}-${inFlight}`;
      sections[name] = () => compare({ name, bytes, inFlight, quick, text });
    }
  }
  return sections;
}

interface Comparison extends CallsOptions {
  readonly name: string;
  readonly bytes: number;
  readonly inFlight: number;
}

async function compare({ name, bytes, inFlight, quick, text }: Comparison): Promise<Section> {
  const rounds = quick ? 3 : 7;
  const large = bytes > 100_000;
  const seconds = (quick ? 0.3 : 0.5) * (large ? 2 : 1); // a round is to be long beside a call
  const warmUpSeconds = 1;
  const round = { seconds, inFlight, args: text ? textOf(bytes) : payloadOf(bytes) };
  const leftOut: string[] = [];
  const directory = await mkdtemp(join(tmpdir(), "acomm-bench-"));
  const pairs: Pair[] = [];
  const measured = new Map<string, Measurement[]>();
  try {
    for (const [index, contestant] of (quick ? few : large ? ofLargePayloads : all).entries()) {
      const program = missingProgram(contestant);
      if (program !== undefined) {
        leftOut.push(`${contestant} is left out: there is no ${program} on this machine.`);
        continue;
      }
      const pair = await Pair.start(contestant, join(directory, `${index}.sock`));
      pairs.push(pair);
      measured.set(contestant, []);
      await pair.measure({ ...round, seconds: warmUpSeconds });
    }
    for (let count = 0; count < rounds; count += 1) {
      for (const pair of pairs) measured.get(pair.name)?.push(await pair.measure(round));
      pairs.push(...pairs.splice(0, 1)); // nobody always follows the same one
    }
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
    await rm(directory, { recursive: true, force: true });
  }
  const bare = mediansOf(measured.get("bare net") ?? []);
  return {
    name,
    title: `Calls: ${bytes} bytes of ${text ? "text" : "records"} each way, ${inFlight} in flight`,
    method: [`Two processes each, started for this table; medians of ${rounds} interleaved rounds of ${seconds} s after ${warmUpSeconds} s of warming up.`, ...leftOut].join(" "),
    columns,
    rows: [...measured].map(([contestant, list]) => rowOf(contestant, list, bare)).sort((a, b) => (b.values["callsPerSecond"] ?? 0) - (a.values["callsPerSecond"] ?? 0)),
  };
}

/** The figures of each round, by their names. */
function roundsOf(list: readonly Measurement[]): Record<keyof Measurement, number[]> {
  return {
    callsPerSecond: list.map(({ callsPerSecond }) => callsPerSecond),
    p50Ms: list.map(({ p50Ms }) => p50Ms),
    p99Ms: list.map(({ p99Ms }) => p99Ms),
    cpuSecondsPer100k: list.map(({ cpuSecondsPer100k }) => cpuSecondsPer100k),
    peakMiB: list.map(({ peakMiB }) => peakMiB),
  };
}

function mediansOf(list: readonly Measurement[]): Measurement {
  const rounds = roundsOf(list);
  return {
    callsPerSecond: median(rounds.callsPerSecond),
    p50Ms: median(rounds.p50Ms),
    p99Ms: median(rounds.p99Ms),
    cpuSecondsPer100k: median(rounds.cpuSecondsPer100k),
    peakMiB: Math.max(...rounds.peakMiB),
  };
}

function rowOf(name: string, list: readonly Measurement[], bare: Measurement): Row {
  const rounds = roundsOf(list);
  const medians = mediansOf(list);
  return {
    name,
    values: {
      ...medians,
      slowest: Math.min(...rounds.callsPerSecond),
      fastest: Math.max(...rounds.callsPerSecond),
      ofBare: medians.callsPerSecond / bare.callsPerSecond,
      cpuOfBare: medians.cpuSecondsPer100k / bare.cpuSecondsPer100k,
    },
    rounds,
  };
}
