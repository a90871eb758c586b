import { join } from "node:path";
import { startNode } from "../process/measured-process.ts";
import type { MeasuredProcess } from "../process/measured-process.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Column, Section } from "../section.ts";
import type { ScaleCaller } from "./worker.ts";

const inFlight = 64;
const callers = ["acomm", "bare net"] as const satisfies readonly ScaleCaller[];

/** Whether a call costs the same in long runs as in short ones, and with many peers as with one. */
export async function scale(options: { readonly quick: boolean }): Promise<Section[]> {
  return [await longRuns(options.quick), await manyPeers(options.quick)];
}

const columns: readonly Column[] = [
  { key: "callsPerSecond", heading: "calls/s" },
  { key: "cpuMicroseconds", heading: "cpu us/call", digits: 1 },
  { key: "clientMiB", heading: "client MiB" },
  { key: "serverMiB", heading: "server MiB" },
];

async function longRuns(isQuick: boolean): Promise<Section> {
  const lengths = isQuick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000];
  const rounds = isQuick ? 1 : 8;
  await using workers = new AsyncDisposableStack();
  const pair = await Pair.start(workers, "acomm", { peers: 1, isQuick, directory: await temporaryDirectory(workers) });
  const measured = lengths.map((calls): Measured => ({ name: `${calls} calls`, measure: () => pair.run(calls, 1) }));
  return {
    name: "scale-calls",
    title: `Runs of so many calls, ${inFlight} in flight, in the same two processes`,
    method: `Medians of ${rounds} interleaved rounds after a warm-up, and of ratios within each; processor time of both processes; of a short run the mean of several.`,
    columns: [...columns, { key: "ratio", heading: "cpu ratio", digits: 2 }],
    rows: relativeTo(`${lengths[0] ?? 0} calls`, "cpuMicroseconds", await interleave(measured, { rounds })),
  };
}

async function manyPeers(isQuick: boolean): Promise<Section> {
  const calls = isQuick ? 5000 : 25_000;
  const rounds = isQuick ? 1 : 20;
  await using workers = new AsyncDisposableStack();
  const directory = await temporaryDirectory(workers);
  const measured: Measured[] = [];
  for (const caller of callers) {
    for (const peers of [1, 100, 500]) {
      const pair = await Pair.start(workers, caller, { peers, isQuick, directory });
      const name = peers === 1 ? `${caller}, the only peer` : `${caller}, one of ${peers}, the others idle`;
      measured.push({ name, measure: () => pair.run(calls, 1) });
      if (peers > 1) measured.push({ name: `${caller}, spread over ${peers}`, measure: () => pair.run(calls, peers) });
    }
  }
  const rows = await interleave(measured, { rounds });
  return {
    name: "scale-peers",
    title: `Calls to peers of which so many are connected, ${inFlight} in flight`,
    method: `Two processes for each caller and number of peers, which are listeners of one of them. Medians of ${rounds} interleaved rounds of ${calls} calls, and of ratios within each to the same caller's only peer. Spread calls share no writes, whoever makes them.`,
    columns: [...columns, { key: "ratio", heading: "cpu ratio", digits: 2 }],
    rows: callers.flatMap((caller) => relativeTo(`${caller}, the only peer`, "cpuMicroseconds", rows.filter(({ name }) => name.startsWith(caller)))),
  };
}

/** Who calls, and who is called at each of the sockets. */
class Pair {
  readonly #client: MeasuredProcess;
  readonly #server: MeasuredProcess;
  readonly #leastCalls: number;

  private constructor(client: MeasuredProcess, server: MeasuredProcess, leastCalls: number) {
    this.#client = client;
    this.#server = server;
    this.#leastCalls = leastCalls;
  }

  /** Starts, leaves a connection to each of so many peers, and warms up. */
  static async start(workers: AsyncDisposableStack, caller: ScaleCaller, { peers, isQuick, directory }: { readonly peers: number; readonly isQuick: boolean; readonly directory: string }): Promise<Pair> {
    const start = (): MeasuredProcess => workers.use(startNode(new URL("worker.ts", import.meta.url), [caller]));
    const [client, server] = [start(), start()];
    const socketPaths = Array.from({ length: peers }, (_, index) => join(directory, `${callers.indexOf(caller)}-${peers}-${index}.sock`));
    await server.ask("serve", { socketPaths });
    await client.ask("connect", { socketPaths });
    const pair = new Pair(client, server, isQuick ? 5000 : 25_000);
    await pair.run(isQuick ? 5000 : 50_000, peers);
    return pair;
  }

  /** Makes the calls to the first so many of the peers; a few of them again and again, for their processor time to be read. */
  async run(calls: number, peers: number): Promise<Record<string, number>> {
    const runs = Math.ceil(this.#leastCalls / calls);
    const before = await this.#usages();
    let seconds = 0;
    for (let run = 0; run < runs; run += 1) seconds += (await this.#client.ask<{ readonly seconds: number }>("call", { calls, inFlight, peers })).seconds;
    const after = await this.#usages();
    const cpuSeconds = after.client.cpuSeconds + after.server.cpuSeconds - before.client.cpuSeconds - before.server.cpuSeconds;
    return {
      callsPerSecond: (calls * runs) / seconds,
      cpuMicroseconds: (cpuSeconds / calls / runs) * 1e6,
      clientMiB: after.client.peakMiB,
      serverMiB: after.server.peakMiB,
    };
  }

  async #usages() {
    const [client, server] = await Promise.all([this.#client.usage(), this.#server.usage()]);
    return { client, server };
  }
}
