import { coordinatorSocketPath, providerSocketPath } from "@acomm/tracker";
import type { MeasuredProcess} from "../process/measured-process.ts";
import { startNode } from "../process/measured-process.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Section } from "../section.ts";

const inFlights = [1, 64, 1024];
const task = "echo";

/** The same calls through a coordinator and without it: caller, coordinator and provider are a process each. */
export async function coordinator(options: { readonly quick: boolean }): Promise<Section[]> {
  await using workers = new AsyncDisposableStack();
  const socketDir = await temporaryDirectory(workers);
  const provider = workers.use(startWorker());
  await provider.ask("provide", { socketDir, task });
  const between = workers.use(startWorker());
  await between.ask("coordinate", { socketDir });
  const direct: Way = { name: "direct", socketPath: providerSocketPath(socketDir, { task, priority: 50, provider: "bench" }), caller: workers.use(startWorker()), others: [provider] };
  const through: Way = { name: "through a coordinator", socketPath: coordinatorSocketPath(socketDir), caller: workers.use(startWorker()), others: [provider, between] };
  const sections: Section[] = [];
  for (const inFlight of options.quick ? [64] : inFlights) sections.push(await compare([direct, through], inFlight, options.quick));
  return sections;
}

const startWorker = (): MeasuredProcess => startNode(new URL("worker.ts", import.meta.url));

interface Way {
  readonly name: string;
  readonly socketPath: string;
  readonly caller: MeasuredProcess;
  /** The processes whose time counts beside the caller's. */
  readonly others: readonly MeasuredProcess[];
}

async function compare(ways: readonly Way[], inFlight: number, isQuick: boolean): Promise<Section> {
  const rounds = isQuick ? 3 : 21;
  const calls = inFlight === 1 ? 2000 : 10_000;
  const rows = await interleave(ways.map((way): Measured => ({ name: way.name, measure: () => measure(way, { inFlight, calls }) })), { rounds, warmUps: isQuick ? 1 : 4 });
  return {
    name: `coordinator-${inFlight}`,
    title: `Calls of 200 bytes each way, direct and through a coordinator, ${inFlight} in flight`,
    method: `A process each for caller, coordinator and provider; medians of ${rounds} interleaved rounds of ${calls} calls. Processor time is that of all of them.`,
    columns: [
      { key: "callsPerSecond", heading: "calls/s" },
      { key: "ratio", heading: "of direct", digits: 2 },
      { key: "cpuSecondsPer100k", heading: "cpu s/100k", digits: 2 },
      { key: "errors", heading: "errors" },
    ],
    rows: relativeTo("direct", "callsPerSecond", rows),
  };
}

async function measure({ caller, others, socketPath }: Way, { inFlight, calls }: { readonly inFlight: number; readonly calls: number }): Promise<Record<string, number>> {
  const cpu = async (): Promise<number> => (await Promise.all([caller, ...others].map((worker) => worker.usage()))).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const before = await cpu();
  const { seconds, errors } = await caller.ask<{ readonly seconds: number; readonly errors: number }>("call", { socketPath, task, inFlight, calls });
  return { callsPerSecond: calls / seconds, cpuSecondsPer100k: (((await cpu()) - before) / calls) * 100_000, errors };
}
