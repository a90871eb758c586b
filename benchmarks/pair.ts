import { fileURLToPath } from "node:url";
import type { Round, RoundResult } from "./client.ts";
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

  static async start(name: string, socketPath: string): Promise<Pair> {
    const run = (script: string): Promise<MeasuredProcess> =>
      MeasuredProcess.start(`${name}, ${script}`, process.execPath, [...process.execArgv, fileURLToPath(new URL(script, import.meta.url)), name, socketPath]);
    const server = await run("server.ts");
    return new Pair(name, server, await run("client.ts"));
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
