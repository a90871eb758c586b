import { join } from "node:path";
import { startNode } from "../process/measured-process.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Section } from "../section.ts";
import { plain, variants } from "./variants.ts";

/** Calls that ask for more than an echo of their arguments, or are made or answered one by one, beside plain ones. */
export async function varied(options: { readonly quick: boolean }): Promise<Section[]> {
  const sections: Section[] = [];
  for (const inFlight of options.quick ? [64] : [64, 1024]) sections.push(await compare(inFlight, options.quick));
  return sections;
}

async function compare(inFlight: number, isQuick: boolean): Promise<Section> {
  await using workers = new AsyncDisposableStack();
  const socketPath = join(await temporaryDirectory(workers), "service.sock");
  const [service, caller] = [workers.use(startWorker()), workers.use(startWorker())];
  await service.ask("serve", { socketPath });
  const [rounds, calls] = isQuick ? [3, 2000] : [21, 20_000];
  const measured = Object.keys(variants).map((name): Measured => ({
    name,
    async measure() {
      const before = (await service.usage()).cpuSeconds + (await caller.usage()).cpuSeconds;
      const { seconds, errors } = await caller.ask<{ readonly seconds: number; readonly errors: number }>("call", { socketPath, variant: name, inFlight, calls });
      const after = (await service.usage()).cpuSeconds + (await caller.usage()).cpuSeconds;
      return { callsPerSecond: calls / seconds, cpuSecondsPer100k: ((after - before) / calls) * 100_000, errors };
    },
  }));
  const rows = await interleave(measured, { rounds, warmUps: isQuick ? 1 : 3 });
  return {
    name: `varied-${inFlight}`,
    title: `Calls of 200 bytes each way, and what they have beside their arguments, ${inFlight} in flight`,
    method: `Caller and service are a process each, the same for all rows; medians of ${rounds} interleaved rounds of ${calls} calls.`,
    columns: [
      { key: "callsPerSecond", heading: "calls/s" },
      { key: "ratio", heading: "of plain", digits: 2 },
      { key: "cpuSecondsPer100k", heading: "cpu s/100k", digits: 2 },
      { key: "errors", heading: "errors" },
    ],
    rows: relativeTo(plain, "callsPerSecond", rows),
  };
}

const startWorker = (): ReturnType<typeof startNode> => startNode(new URL("worker.ts", import.meta.url));
