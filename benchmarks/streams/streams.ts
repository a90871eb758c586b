import { MeasuredProcess, startNode } from "../process/measured-process.ts";
import { buildGo, leftOut } from "../process/program.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Column, Section } from "../section.ts";
import type { StreamAddress, StreamContestantName } from "./contestant.ts";

/** In what the streams are measured. */
interface Setting {
  readonly directory: string;
  /** Undefined where the machine has no Go. */
  readonly goProgram: string | undefined;
  readonly bytes: number;
  readonly rounds: number;
}

/** The processes that a stream goes through, in its order. */
interface Route {
  readonly writer: MeasuredProcess;
  readonly between?: { readonly worker: MeasuredProcess; readonly ask: "relay" | "proxy" } | undefined;
  readonly reader: MeasuredProcess;
}

const goName = "Go io.Copy";
const kibibyte = 1024;
const gibibyte = 1024 ** 3;

/** Streams between processes: written to a unix socket and read, relayed to another one, and proxied to HTTP. */
export async function streams(options: { readonly quick: boolean }): Promise<Section[]> {
  await using stack = new AsyncDisposableStack();
  const directory = await temporaryDirectory(stack);
  const setting: Setting = {
    directory,
    goProgram: await buildGo(new URL("../go/", import.meta.url), directory),
    bytes: options.quick ? gibibyte / 8 : gibibyte,
    rounds: options.quick ? 1 : 12,
  };
  const chunks = options.quick ? [64] : [16, 64, 1024];
  const sections: Section[] = [];
  for (const chunkKibibytes of chunks) sections.push(await direct(setting, chunkKibibytes));
  sections.push(await relayed(setting), await proxied(setting));
  return sections;
}

async function direct(setting: Setting, chunkKibibytes: number): Promise<Section> {
  await using workers = new AsyncDisposableStack();
  const names = ["acomm, stream() to a function", "acomm, stream() to a writable", "acomm, for await", "bare pipeline", "bare onread", goName] as const;
  const measured = names.flatMap((name): Measured[] => {
    const writer = start(workers, setting, name);
    const reader = start(workers, setting, name);
    if (writer === undefined || reader === undefined) return [];
    return [{ name, measure: () => measure(setting, { writer, reader }, chunkKibibytes) }];
  });
  const rows = relativeTo("bare pipeline", "mbPerSecond", await interleave(measured, setting));
  return {
    name: `streams-unix-${chunkKibibytes}k`,
    title: `A unix stream between two processes, written in chunks of ${chunkKibibytes} KiB`,
    method: `${method(setting)} The source gives one buffer again and again, the reader counts and forgets; acomm reads in the three ways that users have; io.Copy moves 32 KiB at a time.`,
    columns: [...speed("of pipeline"), { key: "writerMiB", heading: "writer MiB" }, { key: "readerMiB", heading: "reader MiB" }],
    rows,
  };
}

async function relayed(setting: Setting): Promise<Section> {
  return {
    name: "streams-relay",
    title: "A unix stream read and served again by a process between writer and reader",
    method: `${method(setting)} ${sameEnds(setting)} Only the relay differs; chunks of 64 KiB.`,
    columns: [...speed("of pipeline"), { key: "betweenCpu", heading: "relay s/GiB", digits: 2 }, { key: "betweenMiB", heading: "relay MiB" }],
    rows: await through(setting, "relay"),
  };
}

async function proxied(setting: Setting): Promise<Section> {
  return {
    name: "streams-http",
    title: "A unix stream served over HTTP by a process between writer and reader",
    method: `${method(setting)} ${sameEnds(setting)} acomm serves a signed URL with createStreamProxyHandler, the bare proxy is node:http with a pipeline from net.connect, Go's is net/http with io.Copy; chunks of 64 KiB.`,
    columns: [...speed("of pipeline"), { key: "betweenCpu", heading: "proxy s/GiB", digits: 2 }, { key: "betweenMiB", heading: "proxy MiB" }],
    rows: await through(setting, "proxy"),
  };
}

/** Measures every contestant between the same writer and the same reader. */
async function through(setting: Setting, ask: "relay" | "proxy"): Promise<Section["rows"]> {
  await using workers = new AsyncDisposableStack();
  const ends = setting.goProgram === undefined ? "bare pipeline" : goName;
  const writer = start(workers, setting, ends);
  const reader = start(workers, setting, ends);
  const names = { acomm: "acomm, stream() to a writable", "bare pipeline": "bare pipeline", [goName]: goName } as const;
  const measured = Object.entries(names).flatMap(([name, contestant]): Measured[] => {
    const worker = start(workers, setting, contestant);
    if (writer === undefined || reader === undefined || worker === undefined) return [];
    return [{ name, measure: () => measure(setting, { writer, reader, between: { worker, ask } }, 64) }];
  });
  return relativeTo("bare pipeline", "mbPerSecond", await interleave(measured, setting));
}

function start(workers: AsyncDisposableStack, { directory, goProgram }: Setting, name: StreamContestantName | typeof goName): MeasuredProcess | undefined {
  if (name !== goName) return workers.use(startNode(new URL("worker.ts", import.meta.url), [name, directory]));
  return goProgram === undefined ? undefined : workers.use(new MeasuredProcess(goProgram, [directory]));
}

/** One stream from its writer to its reader. */
async function measure({ bytes }: Setting, { writer, between, reader }: Route, chunkKibibytes: number): Promise<Record<string, number>> {
  const processes = { writer, reader, ...(between === undefined ? undefined : { between: between.worker }) };
  const usages = () => Promise.all(Object.entries(processes).map(async ([name, worker]) => ({ name, ...(await worker.usage()) })));
  const before = await usages();
  const opened = await writer.ask<StreamAddress>("open", { bytes, chunkBytes: chunkKibibytes * kibibyte });
  const address = between === undefined ? opened : await between.worker.ask<StreamAddress>(between.ask, opened);
  const { bytes: bytesRead, seconds } = await reader.ask<{ readonly bytes: number; readonly seconds: number }>("read", address);
  if (bytesRead !== bytes) throw new Error(`${bytesRead} of ${bytes} bytes arrived`);
  const figures: Record<string, number> = { mbPerSecond: bytes / 1e6 / seconds, cpu: 0 };
  (await usages()).forEach(({ name, cpuSeconds, peakMiB }, index) => {
    const cpu = (cpuSeconds - (before[index]?.cpuSeconds ?? 0)) / (bytes / gibibyte);
    figures["cpu"] = (figures["cpu"] ?? 0) + cpu;
    figures[`${name}Cpu`] = cpu;
    figures[`${name}MiB`] = peakMiB;
  });
  return figures;
}

function speed(ratioHeading: string): Column[] {
  return [
    { key: "mbPerSecond", heading: "MB/s" },
    { key: "ratio", heading: ratioHeading, digits: 2 },
    { key: "cpu", heading: "cpu s/GiB", digits: 2 },
  ];
}

function method({ bytes, rounds, goProgram }: Setting): string {
  const text = `${bytes / gibibyte} GiB, medians of interleaved rounds (${rounds}) and of ratios within each, every process of its own, processor time of all of them together.`;
  return goProgram === undefined ? `${text} ${leftOut(goName, "go")}` : text;
}

function sameEnds({ goProgram }: Setting): string {
  return goProgram === undefined ? "Writer and reader are Node's pipeline for all." : "Writer and reader are Go's io.Copy for all.";
}
