import { join } from "node:path";
import { startNode } from "../process/measured-process.ts";
import type { MeasuredProcess } from "../process/measured-process.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Column, Section } from "../section.ts";
import type { ScaleCaller } from "./worker.ts";

const inFlight = 64;

/** Whether a call costs the same in long runs as in short ones, and with many peers as with one. */
export async function scale(options: { readonly quick: boolean }): Promise<Section[]> {
  await using workers = new AsyncDisposableStack();
  const directory = await temporaryDirectory(workers);
  const start = (caller: ScaleCaller): Promise<Pair> => Pair.start(workers, caller, directory);
  const pairs: Pairs = { acomm: await start("acomm"), "bare net": await start("bare net") };
  return [await longRuns(pairs, options.quick), await manyPeers(pairs, options.quick)];
}

const columns: readonly Column[] = [
  { key: "callsPerSecond", heading: "calls/s" },
  { key: "cpuMicroseconds", heading: "cpu us/call", digits: 1 },
  { key: "clientMiB", heading: "client MiB" },
  { key: "serverMiB", heading: "server MiB" },
];

async function longRuns(pairs: Pairs, isQuick: boolean): Promise<Section> {
  const lengths = isQuick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000];
  const rounds = isQuick ? 1 : 3;
  const measured = lengths.map((calls): Measured => ({ name: `${calls} calls`, measure: () => pairs.acomm.run(calls, { peers: 1 }) }));
  return {
    name: "scale-calls",
    title: `Runs of so many calls, ${inFlight} in flight, in the same two processes`,
    method: `Medians of ${rounds} interleaved rounds after a warm-up; processor time of both processes; of a short run the mean of several.`,
    columns: [...columns, { key: "ratio", heading: "cpu ratio", digits: 2 }],
    rows: relativeTo(`${lengths[0] ?? 0} calls`, "cpuMicroseconds", await interleave(measured, { rounds })),
  };
}

async function manyPeers(pairs: Pairs, isQuick: boolean): Promise<Section> {
  const calls = isQuick ? 5000 : 50_000;
  const rounds = isQuick ? 1 : 5;
  const measured = Object.entries(pairs).flatMap(([caller, pair]): Measured[] => [
    { name: `${caller}, the only peer`, measure: () => pair.run(calls, { peers: 1 }) },
    ...[100, 500].flatMap((peers) => [
      { name: `${caller}, one of ${peers}, the others idle`, measure: () => pair.run(calls, { peers: 1, connected: peers }) },
      { name: `${caller}, spread over ${peers}`, measure: () => pair.run(calls, { peers }) },
    ]),
  ]);
  const rows = await interleave(measured, { rounds });
  return {
    name: "scale-peers",
    title: `Calls to peers of which so many are connected, ${inFlight} in flight`,
    method: `Medians of ${rounds} interleaved rounds of ${calls} calls; all peers are listeners of one process; each ratio is to the same caller's only peer. Spread calls share no writes, whoever makes them.`,
    columns: [...columns, { key: "ratio", heading: "cpu ratio", digits: 2 }],
    rows: Object.keys(pairs).flatMap((caller) => relativeTo(`${caller}, the only peer`, "cpuMicroseconds", rows.filter(({ name }) => name.startsWith(caller)))),
  };
}

type Pairs = Readonly<Record<ScaleCaller, Pair>>;

/** Who calls, and who is called at each of the sockets. */
class Pair {
  readonly #client: MeasuredProcess;
  readonly #server: MeasuredProcess;
  readonly #socketPaths: readonly string[];

  private constructor(client: MeasuredProcess, server: MeasuredProcess, socketPaths: readonly string[]) {
    this.#client = client;
    this.#server = server;
    this.#socketPaths = socketPaths;
  }

  /** Starts and warms up. */
  static async start(workers: AsyncDisposableStack, caller: ScaleCaller, directory: string): Promise<Pair> {
    const client = workers.use(startNode(new URL("worker.ts", import.meta.url), [caller]));
    const server = workers.use(startNode(new URL("worker.ts", import.meta.url), [caller]));
    const socketPaths = Array.from({ length: 500 }, (_, index) => join(directory, `${caller === "acomm" ? "a" : "b"}${index}.sock`));
    await server.ask("serve", { socketPaths });
    const pair = new Pair(client, server, socketPaths);
    await pair.run(5000, { peers: 1 });
    return pair;
  }

  /** @param options.connected how many peers have a connection, @default those that are called */
  async run(calls: number, { peers, connected = peers }: { readonly peers: number; readonly connected?: number }): Promise<Record<string, number>> {
    const runs = Math.ceil(5000 / calls);
    await this.#client.ask("connect", { socketPaths: this.#socketPaths.slice(0, connected) });
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
