/** Calls a second over a unix socket, every contestant in two processes of its own, their rounds interleaved. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Round, RoundResult } from "./client.ts";
import { contestants } from "./contestant.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const rounds = values.quick ? 3 : 7;
const roundSeconds = values.quick ? 0.3 : 1;

interface Pair {
  readonly name: string;
  readonly server: ChildProcess;
  readonly client: ChildProcess;
}

/** One round of one contestant. */
interface Measurement extends RoundResult {
  readonly callsPerSecond: number;
  /** Of both processes. */
  readonly cpuSecondsPer100k: number;
}

const directory = await mkdtemp(join(tmpdir(), "acomm-bench-"));
const pairs = await Promise.all(Object.keys(contestants).map(start));
const results: Record<string, unknown>[] = [];
try {
  for (const payloadBytes of (process.env["BYTES"] ?? "200,4096,262144").split(",").map(Number)) {
    for (const inFlight of [1, 64, 1024]) {
      if (payloadBytes > 100_000 && inFlight > 64) continue; // a gigabyte on its way measures the memory
      await compare(payloadBytes, inFlight);
    }
  }
} finally {
  for (const { server, client } of pairs) {
    client.kill();
    server.kill();
  }
  await rm(directory, { recursive: true, force: true });
}
const machine = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length, kernel: release() };
const file = fileURLToPath(new URL("results/calls.json", import.meta.url));
await mkdir(fileURLToPath(new URL("results/", import.meta.url)), { recursive: true });
await writeFile(file, `${JSON.stringify({ machine, rounds, results }, undefined, 2)}\n`);
console.log(`\nNode ${machine.node}, ${machine.cores} x ${machine.cpu}; medians of ${rounds} rounds, written to ${file}`);

async function start(name: string, index: number): Promise<Pair> {
  const socketPath = join(directory, `${index}.sock`);
  const run = async (script: string): Promise<ChildProcess> => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), [name, socketPath], { execArgv: process.execArgv });
    await once(child, "message");
    return child;
  };
  return { name, server: await run("server.ts"), client: await run("client.ts") };
}

async function compare(payloadBytes: number, inFlight: number): Promise<void> {
  const measured = new Map<string, Measurement[]>(pairs.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const pair of pairs) {
      const sample = await measure(pair, { calls: inFlight * 2, inFlight, payloadBytes });
      const calls = Math.max(inFlight * 2, Math.round(sample.callsPerSecond * roundSeconds));
      const measurement = await measure(pair, { calls, inFlight, payloadBytes });
      if (round > 0) measured.get(pair.name)?.push(measurement); // the first warms up
    }
  }
  const bare = middle(measured.get("bare net") ?? [], "callsPerSecond");
  console.log(`\n${payloadBytes} bytes each way, ${inFlight} in flight`);
  console.log("  calls/s  of bare  p50 ms  p99 ms  cpu s/100k  peak MiB");
  for (const [name, list] of measured) {
    const row = Object.fromEntries((["callsPerSecond", "p50Ms", "p99Ms", "cpuSecondsPer100k", "peakMiB"] as const).map((key) => [key, middle(list, key)])) as unknown as Measurement;
    const ofBare = row.callsPerSecond / bare;
    results.push({ payloadBytes, inFlight, name, ...row, ofBare, spread: list.map(({ callsPerSecond }) => Math.round(callsPerSecond)) });
    const cells = [row.callsPerSecond.toFixed(0).padStart(9), ofBare.toFixed(2).padStart(7), row.p50Ms.toFixed(3).padStart(7), row.p99Ms.toFixed(3).padStart(7), row.cpuSecondsPer100k.toFixed(2).padStart(10), row.peakMiB.toFixed(0).padStart(8)];
    console.log(`${cells.join(" ")}  ${name}`);
  }
}

async function measure({ server, client }: Pair, round: Round): Promise<Measurement> {
  const before = await ask<{ cpuSeconds: number }>(server, "usage");
  const result = await ask<RoundResult>(client, round);
  const after = await ask<{ cpuSeconds: number; peakMiB: number }>(server, "usage");
  const cpuSeconds = result.cpuSeconds + after.cpuSeconds - before.cpuSeconds;
  return { ...result, peakMiB: Math.max(result.peakMiB, after.peakMiB), callsPerSecond: round.calls / result.seconds, cpuSecondsPer100k: (cpuSeconds / round.calls) * 100_000 };
}

async function ask<Answer>(child: ChildProcess, question: string | Round): Promise<Answer> {
  child.send(question);
  const [answer] = (await once(child, "message")) as [Answer];
  return answer;
}

function middle<Key extends keyof Measurement>(list: readonly Measurement[], key: Key): number {
  const sorted = list.map((measurement) => measurement[key]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
