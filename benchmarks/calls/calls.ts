/** Calls a second over a unix socket: every contestant in two processes of its own, their rounds interleaved. */
import { join } from "node:path";
import { mixedRecords, payloadOf, textOf } from "../payload.ts";
import { leftOut } from "../process/program.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { usage } from "../process/usage.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Column, Row, Section } from "../section.ts";
import { contestants, goPeer, missingProgram } from "./contestant.ts";
import { Pair } from "./pair.ts";

/** What the tables of calls compare. */
export interface CallsOptions {
  /** Fewer contestants, tables and rounds. */
  readonly quick: boolean;
  /** One long string as the payload, the cheapest JSON there is, instead of records. */
  readonly text: boolean;
}

const callColumns: readonly Column[] = [
  { key: "callsPerSecond", heading: "calls/s" },
  { key: "slowest", heading: "slowest" },
  { key: "fastest", heading: "fastest" },
  { key: "ofBare", heading: "of bare", digits: 2 },
  { key: "p50Ms", heading: "p50 ms", digits: 3 },
  { key: "p99Ms", heading: "p99 ms", digits: 3 },
  { key: "cpuSecondsPer100k", heading: "cpu s/100k", digits: 2 },
  { key: "cpuOfBare", heading: "cpu of bare", digits: 2 },
  { key: "peakMiB", heading: "peak MiB" },
];

const memoryColumns: readonly Column[] = [
  { key: "callerBytes", heading: "caller B/call" },
  { key: "callerOfBare", heading: "of bare", digits: 2 },
  { key: "serviceBytes", heading: "service B/call" },
  { key: "serviceOfBare", heading: "of bare", digits: 2 },
  { key: "callsPerSecond", heading: "calls/s" },
];

/** The payload's size in bytes, and how many calls are in flight. */
const sizes = [
  [200, [1, 64, 1024]],
  [4096, [1, 64, 1024]],
  [262_144, [1, 8, 64]], // with more, a gigabyte on its way measures the memory
] as const;
const quickSizes = [[200, [1, 64, 1024]]] as const;

const overNats = ["acomm over nats", "nats", "nats, without traces"];
const all = [...Object.keys(contestants).filter((name) => name !== "acomm over nats"), goPeer];
const few = ["acomm", "bare net", "one connection per message"];
const ofMixedRecords = ["acomm", "bare net", "birpc", "birpc, one write a turn", "zeromq"];
const inMemory = [...ofMixedRecords, "one connection per message", "vscode-jsonrpc", "undici, pipelined"];
const ofLargePayloads = [...few, "grpc-js", "undici, pipelined"];

/** The tables by name: one for each size of the payload and number of calls in flight. */
export function callSections({ quick, text }: CallsOptions): Record<string, () => Promise<Section>> {
  const sections: Record<string, () => Promise<Section>> = {};
  for (const [bytes, inFlights] of quick ? quickSizes : sizes) {
    for (const inFlight of inFlights) {
      const name = `calls-${text ? "text-" : ""}${bytes}-${inFlight}`;
      const large = bytes > 100_000;
      sections[name] = () => compare({ name, bytes, inFlight, quick, text, contestants: quick ? few : large ? ofLargePayloads : all, base: "bare net" });
    }
  }
  for (const inFlight of quick ? [] : [64, 1024]) {
    const name = `calls-mixed-${inFlight}`;
    sections[name] = () => compare({ name, bytes: 300, inFlight, quick, text, contestants: ofMixedRecords, variants: mixedRecords(), base: "bare net" });
  }
  if (!quick && usage().allocatedBytes !== undefined) {
    sections["allocated-1024"] = () => compare({ name: "allocated-1024", subject: "Memory that calls go through", columns: memoryColumns, bytes: 200, inFlight: 1024, quick, text, contestants: inMemory, base: "bare net" });
  }
  for (const inFlight of quick ? [64] : [1, 64, 1024]) {
    const name = `nats-${inFlight}`;
    sections[name] = () => compare({ name, bytes: 200, inFlight, quick, text, contestants: overNats, base: "nats" });
  }
  return sections;
}

/** What is set beside the base, and what the ratio is called. */
const ratios = [["callsPerSecond", "ofBare"], ["cpuSecondsPer100k", "cpuOfBare"], ["callerBytes", "callerOfBare"], ["serviceBytes", "serviceOfBare"]] as const;

interface Comparison extends CallsOptions {
  readonly name: string;
  /** What the title begins with. @default calls, and through what */
  readonly subject?: string;
  /** @default those of calls */
  readonly columns?: readonly Column[];
  readonly contestants: readonly string[];
  /** The one that the others are set beside. */
  readonly base: string;
  readonly bytes: number;
  readonly inFlight: number;
  /** Arguments for the calls in turn, of about so many bytes. */
  readonly variants?: readonly unknown[];
}

async function compare({ name, subject, columns = callColumns, bytes, inFlight, quick, text, contestants: names, base, variants }: Comparison): Promise<Section> {
  const large = bytes > 100_000;
  // short rounds and many of them, yet each is to be long beside a call
  const seconds = large ? (inFlight === 1 ? 0.5 : 1) : inFlight > 100 ? 0.4 : 0.25;
  const rounds = quick ? 3 : large ? 15 : 21;
  const warmUpSeconds = quick ? 0.5 : 1;
  const round = { inFlight, args: text ? textOf(bytes) : payloadOf(bytes), variants };
  const missing: string[] = [];
  const measured: Measured[] = [];
  await using pairs = new AsyncDisposableStack();
  const directory = await temporaryDirectory(pairs);
  for (const [index, name] of names.entries()) {
    const program = missingProgram(name);
    if (program !== undefined) {
      missing.push(leftOut(name, program));
      continue;
    }
    const pair = pairs.use(await Pair.start(name, join(directory, `${index}.sock`)));
    measured.push({ name, measure: (isWarmUp) => pair.measure({ ...round, seconds: isWarmUp ? warmUpSeconds : seconds }) });
  }
  const rows = (await interleave(measured, { rounds })).map(withExtremes);
  return {
    name,
    title: `${subject ?? `Calls${base === "nats" ? " through a nats-server" : ""}`}: ${variants === undefined ? `${bytes} bytes of ${text ? "text" : "records"}` : "records of many lengths, half of them not ASCII,"} each way, ${inFlight} in flight`,
    method: [`Two processes each, started for this table; medians of ${rounds} interleaved rounds of ${seconds} s after ${warmUpSeconds} s of warming up, of ratios within each round.`, ...missing].join(" "),
    columns,
    rows: ratios
      .reduce((all, [key, ratioKey]) => relativeTo(base, key, all, ratioKey), rows)
      .sort((a, b) => (b.values["callsPerSecond"] ?? 0) - (a.values["callsPerSecond"] ?? 0)),
  };
}

function withExtremes(row: Row): Row {
  const { callsPerSecond = [], peakMiB = [] } = row.rounds ?? {};
  return { ...row, values: { ...row.values, slowest: Math.min(...callsPerSecond), fastest: Math.max(...callsPerSecond), peakMiB: Math.max(...peakMiB) } };
}
