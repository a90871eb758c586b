import { dirname } from "node:path";
import { MeasuredProcess, startNode } from "../process/measured-process.ts";
import { buildGo, goPeerSources } from "../process/program.ts";
import { bytesBetween } from "../process/usage.ts";
import type { Round, RoundResult } from "./client.ts";
import { goPeer } from "./contestant.ts";

/** One round of one contestant; bytes are of each call, NaN where V8 doesn't tell. A type of its own keys, so that it goes into a row. */
export type Measurement = Readonly<Record<"callsPerSecond" | "p50Ms" | "p99Ms" | "cpuSecondsPer100k" | "peakMiB" | "callerBytes" | "serviceBytes", number>>;

/** The two processes of a contestant. */
export class Pair implements AsyncDisposable {
  readonly #server: MeasuredProcess;
  readonly #client: MeasuredProcess;

  private constructor(server: MeasuredProcess, client: MeasuredProcess) {
    this.#server = server;
    this.#client = client;
  }

  /** Starts both; the directory of the socket may be used for more. */
  static async start(name: string, socketPath: string): Promise<Pair> {
    const start = name === goPeer ? await goPair(socketPath) : nodePair(name, socketPath);
    const server = await start.server().ready();
    return new Pair(server, await start.client().ready());
  }

  /** Processor time is that of all processes that took part, the peak the largest resident set of one since it began. */
  async measure(round: Round): Promise<Measurement> {
    const before = await this.#server.usage();
    const { calls, seconds, p50Ms, p99Ms, cpuSeconds, peakMiB, allocatedBytes = Number.NaN } = await this.#client.ask<RoundResult>("measure", round);
    const after = await this.#server.usage();
    return {
      callsPerSecond: calls / seconds,
      p50Ms,
      p99Ms,
      cpuSecondsPer100k: ((cpuSeconds + after.cpuSeconds - before.cpuSeconds) / calls) * 100_000,
      peakMiB: Math.max(peakMiB, after.peakMiB),
      callerBytes: allocatedBytes / calls,
      serviceBytes: (bytesBetween(before, after) ?? Number.NaN) / calls,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

type Starter = Readonly<Record<"server" | "client", () => MeasuredProcess>>;

function nodePair(name: string, socketPath: string): Starter {
  const start = (script: string): MeasuredProcess => startNode(new URL(script, import.meta.url), [name, socketPath]);
  return { server: () => start("server.ts"), client: () => start("client.ts") };
}

async function goPair(socketPath: string): Promise<Starter> {
  const program = await buildGo(goPeerSources, dirname(socketPath));
  if (program === undefined) throw new Error("there is no go on this machine");
  return {
    server: () => new MeasuredProcess(program, ["service", "-measured", "-socket", socketPath]),
    client: () => new MeasuredProcess(program, ["bench", "-socket", socketPath]),
  };
}
