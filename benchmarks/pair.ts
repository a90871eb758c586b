import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Round, RoundResult } from "./client.ts";
import { goPeer } from "./contestant.ts";
import { buildGoPeer } from "./go-peer.ts";
import { MeasuredProcess } from "./measured-process.ts";
import type { Usage } from "./usage.ts";

/** One round of one contestant. */
export interface Measurement {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all processes that took part. */
  readonly cpuSecondsPer100k: number;
  /** The largest resident set of a process since it began. */
  readonly peakMiB: number;
}

/** The two processes of a contestant. */
export class Pair {
  readonly name: string;
  readonly #server: MeasuredProcess;
  readonly #client: MeasuredProcess;

  private constructor(name: string, server: MeasuredProcess, client: MeasuredProcess) {
    this.name = name;
    this.#server = server;
    this.#client = client;
  }

  /** Starts both; the directory of the socket may be used for more. */
  static async start(name: string, socketPath: string): Promise<Pair> {
    const { program, serverArgs, clientArgs } = name === goPeer ? await goCommand(socketPath) : nodeCommand(name, socketPath);
    const server = await MeasuredProcess.start(`the server of ${name}`, program, serverArgs);
    return new Pair(name, server, await MeasuredProcess.start(`the client of ${name}`, program, clientArgs));
  }

  async measure(round: Round): Promise<Measurement> {
    const before = await this.#server.ask<Usage>("usage");
    const { calls, seconds, p50Ms, p99Ms, cpuSeconds, peakMiB } = await this.#client.ask<RoundResult>(round);
    const after = await this.#server.ask<Usage>("usage");
    return {
      callsPerSecond: calls / seconds,
      p50Ms,
      p99Ms,
      cpuSecondsPer100k: ((cpuSeconds + after.cpuSeconds - before.cpuSeconds) / calls) * 100_000,
      peakMiB: Math.max(peakMiB, after.peakMiB),
    };
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    await this.#server.stop();
  }
}

interface Command {
  readonly program: string;
  readonly serverArgs: readonly string[];
  readonly clientArgs: readonly string[];
}

function nodeCommand(name: string, socketPath: string): Command {
  const argsOf = (script: string): string[] => ["--conditions=@acomm/source", fileURLToPath(new URL(script, import.meta.url)), name, socketPath];
  return { program: process.execPath, serverArgs: argsOf("server.ts"), clientArgs: argsOf("client.ts") };
}

async function goCommand(socketPath: string): Promise<Command> {
  return {
    program: await buildGoPeer(dirname(socketPath)),
    serverArgs: ["service", "-measured", "-socket", socketPath],
    clientArgs: ["bench", "-socket", socketPath],
  };
}
