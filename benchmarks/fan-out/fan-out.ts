import { join } from "node:path";
import { startNode } from "../process/measured-process.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Section } from "../section.ts";
import type { FanOutCaller } from "./worker.ts";

const callers: readonly FanOutCaller[] = ["MultiRequest", "Promise.all of tracker.request", "bare net"];

/** Many requests and one wait for all of them, to one service and spread over many. */
export async function fanOut(options: { readonly quick: boolean }): Promise<Section[]> {
  const requests = options.quick ? 2000 : 10_000;
  const rounds = options.quick ? 1 : 18;
  const sections: Section[] = [];
  for (const services of [1, 100]) {
    const rows = await compare(services, requests, rounds);
    sections.push({
      name: `fan-out-${services}`,
      title: `${requests} requests and one wait for all, to ${services === 1 ? "one service" : `${services} services in one process`}`,
      method: `Medians of ${rounds} interleaved rounds, all sent at once on connections that are there, processor time and peak of both processes.`,
      columns: [
        { key: "ms", heading: "ms" },
        { key: "ratio", heading: "of bare", digits: 2 },
        { key: "cpuMs", heading: "cpu ms" },
        { key: "clientMiB", heading: "client MiB" },
        { key: "serverMiB", heading: "server MiB" },
      ],
      rows: relativeTo("bare net", "ms", rows),
    });
  }
  return sections;
}

async function compare(services: number, requests: number, rounds: number): Promise<Section["rows"]> {
  await using workers = new AsyncDisposableStack();
  const directory = await temporaryDirectory(workers);
  const measured = callers.map((caller) => {
    const client = workers.use(startNode(new URL("worker.ts", import.meta.url)));
    const server = workers.use(startNode(new URL("worker.ts", import.meta.url)));
    const socketPaths = Array.from({ length: services }, (_, index) => join(directory, `${callers.indexOf(caller)}-${index}.sock`));
    let ready: Promise<unknown> | undefined;
    return {
      name: caller,
      async measure() {
        ready ??= server.ask("serve", { caller, socketPaths }).then(() => client.ask("connect", { caller, socketPaths }));
        await ready;
        const before = await Promise.all([client.usage(), server.usage()]);
        const { ms } = await client.ask<{ readonly ms: number }>("callAll", { requests });
        const after = await Promise.all([client.usage(), server.usage()]);
        const cpuSeconds = after[0].cpuSeconds + after[1].cpuSeconds - before[0].cpuSeconds - before[1].cpuSeconds;
        return { ms, cpuMs: cpuSeconds * 1000, clientMiB: after[0].peakMiB, serverMiB: after[1].peakMiB };
      },
    };
  });
  return await interleave(measured, { rounds });
}
