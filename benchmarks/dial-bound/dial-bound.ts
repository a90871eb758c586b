import { join } from "node:path";
import { MeasuredProcess, startNode } from "../process/measured-process.ts";
import { buildGo, goPeerSources, leftOut } from "../process/program.ts";
import { temporaryDirectory } from "../process/temporary-directory.ts";
import { interleave, relativeTo } from "../rounds.ts";
import type { Measured } from "../rounds.ts";
import type { Row, Section } from "../section.ts";

/** Calls to a peer that takes one message on each connection and answers to a hook, as the original does. */
export async function dialBound(options: { readonly quick: boolean }): Promise<Section[]> {
  await using workers = new AsyncDisposableStack();
  const directory = await temporaryDirectory(workers);
  const goProgram = await buildGo(goPeerSources, directory);
  const sections: Section[] = [];
  for (const peer of goProgram === undefined ? ["Node"] : ["Node", "Go"]) {
    const socketPath = join(directory, `${peer}.sock`);
    if (goProgram === undefined || peer === "Node") await workers.use(startWorker()).ask("serve", { socketPath });
    else await workers.use(new MeasuredProcess(goProgram, ["service", "-measured", "-socket", socketPath])).ready();
    // how many connections at once the bare caller tries, most of which the quick run leaves out
    const dialCounts = options.quick ? [16, 64] : [1, 4, 16, 64, 256];
    const callers = [undefined, ...dialCounts].map((dials): PeerCaller => ({ worker: workers.use(startWorker()), dials, socketPath }));
    for (const inFlight of [64, 1024]) sections.push(await compare(peer, callers, { inFlight, isQuick: options.quick }));
  }
  return goProgram === undefined ? sections.map((section) => ({ ...section, method: `${section.method} ${leftOut("A peer in Go", "go")}` })) : sections;
}

const startWorker = (): MeasuredProcess => startNode(new URL("worker.ts", import.meta.url));

/** A process that calls a peer: bare with so many dials at once, else as acomm. */
interface PeerCaller {
  readonly worker: MeasuredProcess;
  readonly dials: number | undefined;
  readonly socketPath: string;
}

async function compare(peer: string, callers: readonly PeerCaller[], { inFlight, isQuick }: { readonly inFlight: number; readonly isQuick: boolean }): Promise<Section> {
  const calls = isQuick ? 1024 : 2500;
  const rounds = isQuick ? 1 : 18;
  const rows = await interleave(callers.map((caller): Measured => ({ name: nameOf(caller), measure: () => measure(caller, { inFlight, calls }) })), { rounds, warmUps: isQuick ? 1 : 2 });
  const [, ...bare] = rows;
  const best = bare.reduce((one, other) => (speedOf(other) > speedOf(one) ? other : one));
  return {
    name: `dial-bound-${peer.toLowerCase()}-${inFlight}`,
    title: `Calls to a peer in ${peer} that takes one message on each connection, ${inFlight} in flight`,
    method: `Medians of ${rounds} interleaved rounds of ${calls} calls. Beside tracker.request a bare caller that dials, sends, reads the acknowledgement and gets the answer at its hook, with so many dials at once; the ratio is to the best of them, ${best.name}. Errors are those of all rounds that a caller got.`,
    columns: [
      { key: "callsPerSecond", heading: "calls/s" },
      { key: "ratio", heading: "of best", digits: 2 },
      { key: "clientCpu", heading: "caller us", digits: 1 },
      { key: "clientMiB", heading: "caller MiB" },
      { key: "errors", heading: "errors" },
    ],
    rows: relativeTo(best.name, "callsPerSecond", rows).map((row) => ({ ...row, values: { ...row.values, errors: sum(row.rounds?.["errors"]) } })),
  };
}

async function measure(caller: PeerCaller, { inFlight, calls }: { readonly inFlight: number; readonly calls: number }): Promise<Record<string, number>> {
  const { worker, socketPath, dials } = caller;
  const before = await worker.usage();
  const { seconds, errors, firstError } = await worker.ask<{ readonly seconds: number; readonly errors: number; readonly firstError: string }>("call", { socketPath, dials, inFlight, calls });
  const after = await worker.usage();
  if (errors > 0) console.log(`${nameOf(caller)}: ${errors} errors such as ${firstError}`);
  return {
    callsPerSecond: calls / seconds,
    clientCpu: ((after.cpuSeconds - before.cpuSeconds) / calls) * 1e6,
    clientMiB: after.peakMiB,
    errors,
  };
}

function nameOf({ dials }: PeerCaller): string {
  return dials === undefined ? "acomm" : `bare, ${dials} ${dials === 1 ? "dial" : "dials"} at once`;
}

function speedOf(row: Row): number {
  return row.values["callsPerSecond"] ?? 0;
}

function sum(numbers: readonly number[] = []): number {
  return numbers.reduce((total, number) => total + number, 0);
}
