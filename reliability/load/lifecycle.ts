import { codeOf } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { readdir } from "node:fs/promises";
import type { Patience } from "./connections.ts";
import { atMost, exactly, told } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { Room } from "./room.ts";
import type { Worker } from "./worker.ts";

/** Listener, service, tracker and stream: started, used and stopped, again and again in one process. */
export async function startStopCycles({ cycles, patience = 1 }: Patience & { readonly cycles: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const worker = await room.worker("load-cycles");
  const details = { directory: room.path, atOnce: 12 }; // more at once than the listeners of one event that Node warns of
  await worker.ask("cycle", { ...details, cycles: 24 });
  const before = await worker.remains();
  const { descriptors } = await worker.holdings();
  const keptMiB = await worker.keptMiB();
  const { handles } = await worker.loop();
  const lines = worker.stderrLines;
  const files = await worker.ask<number>("cycle", { ...details, cycles });
  const backMs = await worker.descriptorsBackMs(descriptors);
  const after = await worker.remains();
  const handlesAfter = (await worker.loop()).handles;
  const count = (each: Readonly<Record<string, number>>): number => Object.values(each).reduce((sum, value) => sum + value, 0);
  return [
    exactly("files left", files, 0),
    atMost("descriptors back", backMs / 1000, 2 * patience, "s"),
    atMost("handles more than before", count(handlesAfter) - count(handles), 0),
    atMost("timers more than before", after.timers - before.timers, 0),
    atMost("sockets more than before", after.sockets - before.sockets, 0),
    atMost("servers more than before", after.servers - before.servers, 0),
    exactly("listeners on the process more than before", after.listeners - before.listeners, 0),
    exactly("warnings", after.warnings.length, 0),
    exactly("lines on stderr", worker.stderrLines - lines, 0),
    atMost("RSS grown", (await worker.keptMiB()) - keptMiB, 20, "MiB"),
  ];
}

interface Started {
  readonly outcome: string;
  readonly tookMs: number;
}

/**
 * Two processes start at one path at the same moment: first at a fresh path, then, once the owner was killed, at what it has
 * left behind.
 */
export async function twoStarters({ rounds, patience = 1 }: Patience & { readonly rounds: number }): Promise<Finding[]> {
  await using room = await Room.open();
  await using tracker = new Tracker();
  await tracker.start();
  let [first, second] = await Promise.all([room.worker("load-starter"), room.worker("load-starter")]);
  const tally = { owners: 0, refused: 0, answered: 0, wrong: 0 };
  const startMs: number[] = [];
  const race = async (path: string): Promise<Worker> => {
    const atMs = Date.now() + 5;
    const started = await Promise.all([first, second].map((starter) => starter.ask<Started>("start", { path, atMs })));
    const owners = [first, second].filter((_, index) => started[index]?.outcome === "listening");
    tally.refused += started.filter(({ outcome }) => outcome === "bad_address").length;
    tally.owners += owners.length;
    if (owners.length !== 1) tally.wrong += 1;
    startMs.push(...started.filter(({ outcome }) => outcome === "listening").map(({ tookMs }) => tookMs));
    const [owner = first] = owners;
    if ((await tracker.request(`unix://${path}`, { task: "who", args: null, timeoutMs: 5000 })) === owner.pid) tally.answered += 1;
    return owner;
  };
  /** Ends one of the two as nobody can prepare for, and puts a new one in its place. */
  const kill = async (starter: Worker): Promise<void> => {
    const [replacement] = await Promise.all([room.worker("load-starter"), starter.kill()]);
    if (starter === first) first = replacement;
    else second = replacement;
  };
  const restartMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const path = room.socket(String(round));
    await kill(await race(path));
    const before = startMs.length;
    const owner = await race(path); // at the socket of a dead process
    restartMs.push(...startMs.slice(before));
    await owner.ask("stop");
  }
  const gone = await codeOf(tracker.request(`unix://${room.socket("0")}`, { task: "who", args: null, timeoutMs: 5000 }));
  return [
    exactly("races", tally.owners, 2 * rounds),
    exactly("with another number of owners than one", tally.wrong, 0),
    exactly("losers that say bad_address", tally.refused, 2 * rounds),
    exactly("owners that answer", tally.answered, 2 * rounds),
    exactly("starts at the socket of a killed process", restartMs.length, rounds),
    atMost("the slowest of them", Math.max(...restartMs), 1000 * patience, "ms"),
    told("the slowest start of all", Math.max(...startMs), "ms"),
    exactly("files left", (await readdir(room.path)).length, 0),
    exactly("callers that are told unavailable afterwards", gone === "unavailable" ? 1 : 0, 1),
  ];
}
