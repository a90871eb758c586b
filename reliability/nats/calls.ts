import { AcommError } from "@acomm/protocol";
import { Coordinator } from "@acomm/coordinator";
import { NatsServer, temporaryDirectory } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createUnixTransport } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { atLeast, atMost, exactly, told } from "../load/finding.ts";
import type { Finding } from "../load/finding.ts";
import { Worker } from "../load/worker.ts";

const inFlight = 64;
/** Calls before those whose shares are measured. */
const warmUpCalls = 3000;

/** What became of some calls. */
interface Outcomes {
  /** How many had each outcome: `fulfilled`, or the error's code. */
  readonly counts: ReadonlyMap<string, number>;
  /** How many came back with what was sent with another one. */
  readonly mixedUp: number;
  readonly longestMs: number;
}

/** A tracker over NATS, with all that belongs to it. */
async function connect(server: NatsServer, room: AsyncDisposableStack): Promise<Tracker> {
  const network = room.use(createNatsNetwork({ server: server.url }));
  const tracker = room.use(new Tracker({ registry: createRegistry([network.transport, createUnixTransport()]), listener: network.createListener() }));
  await tracker.start();
  return tracker;
}

/** A coordinator that has found so many providers; gives its URL. */
async function coordinate(server: NatsServer, room: AsyncDisposableStack, count: number): Promise<string> {
  const directory = room.use(await temporaryDirectory());
  const network = room.use(createNatsNetwork({ server: server.url }));
  const coordinator = room.use(new Coordinator({ socketDir: directory.path, network, rescanMs: 100 }));
  await coordinator.start();
  while (coordinator.describe().tasks[0]?.providers.length !== count) await new Promise((resolve) => setImmediate(resolve));
  return coordinator.url.href;
}

/** Makes calls, some at a time; `during` is told how many are done. */
async function callMany(tracker: Tracker, url: string, options: { readonly calls: number; readonly ms?: number; readonly timeoutMs: number; readonly during?: (done: number) => void }): Promise<Outcomes> {
  const counts = new Map<string, number>();
  let mixedUp = 0;
  let longestMs = 0;
  let next = 0;
  let done = 0;
  const callOn = async (): Promise<void> => {
    for (let key = next++; key < options.calls; key = next++) {
      const startedAt = performance.now();
      let outcome = "fulfilled";
      try {
        if ((await tracker.request(url, { task: "t", args: { key, ms: options.ms }, timeoutMs: options.timeoutMs })) !== key) mixedUp += 1;
      } catch (error) {
        outcome = error instanceof AcommError ? error.code : String(error);
      }
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      done += 1;
      options.during?.(done);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, callOn));
  return { counts, mixedUp, longestMs };
}

const sumOf = (numbers: Iterable<number>): number => [...numbers].reduce((sum, number) => sum + number, 0);

/** The providers of three processes share the calls of one, who calls the task or a coordinator; then one is killed among others. */
export async function sharedCalls({ calls, through = "task" }: { readonly calls: number; readonly through?: "task" | "coordinator" }): Promise<Finding[]> {
  await using room = new AsyncDisposableStack();
  const server = room.use(await NatsServer.start());
  const workers = await Promise.all(Array.from({ length: 3 }, async () => room.use(await Worker.start("nats-service"))));
  const [task = ""] = await Promise.all(workers.map((worker, index) => worker.ask<string>("serve", { server: server.url, name: `p${index}` })));
  const tracker = await connect(server, room);
  const url = through === "task" ? task : await coordinate(server, room, workers.length);
  // a coordinator asks the least busy, and as long as code is compiled that is whoever was called first
  await callMany(tracker, url, { calls: warmUpCalls, timeoutMs: 30_000 });
  const warm = await Promise.all(workers.map((worker) => worker.ask<number>("runs")));
  const shared = await callMany(tracker, url, { calls, timeoutMs: 30_000 });
  const runs = await Promise.all(workers.map((worker) => worker.ask<number>("runs")));
  const shares = runs.map((count, index) => (Math.abs(count - (warm[index] ?? 0) - calls / 3) / (calls / 3)) * 100);

  const [victim, ...others] = workers;
  let killed: Promise<void> | undefined;
  const before = runs.slice(1);
  const withKill = await callMany(tracker, url, { calls, ms: 5, timeoutMs: 20_000, during: (done) => {
    if (done === Math.floor(calls / 3)) killed = victim?.kill();
  } });
  await killed;
  const after = await Promise.all(others.map((worker) => worker.ask<number>("runs")));
  const inDoubt = (withKill.counts.get("ambiguous") ?? 0) + (withKill.counts.get("timeout") ?? 0);
  return [
    exactly(`of ${calls} calls answered`, shared.counts.get("fulfilled") ?? 0, calls),
    exactly("answered with another one's answer", shared.mixedUp + withKill.mixedUp, 0),
    atMost("off an even share, the process that is farthest", Math.max(...shares), 15, "%"),
    exactly(`of ${calls} calls with an outcome, when one of the three is killed`, sumOf(withKill.counts.values()), calls),
    exactly("with an outcome other than answered, ambiguous or timeout", calls - (withKill.counts.get("fulfilled") ?? 0) - inDoubt, 0),
    atMost("in doubt, of those that the killed one had", inDoubt, inFlight),
    atMost("until the last of them had its outcome", withKill.longestMs / 1000, 8, "s"),
    atMost("run by the others beyond these calls", sumOf(after) - sumOf(before) - (withKill.counts.get("fulfilled") ?? 0) - inDoubt, 0),
  ];
}

/** The nats-server is killed among calls, and started again. */
export async function serverOutage({ calls, outageMs }: { readonly calls: number; readonly outageMs: number }): Promise<Finding[]> {
  await using room = new AsyncDisposableStack();
  const server = room.use(await NatsServer.start());
  const worker = room.use(await Worker.start("nats-service"));
  const url = await worker.ask<string>("serve", { server: server.url, name: "p" });
  const tracker = await connect(server, room);
  const { promise: killed, resolve: kill } = Promise.withResolvers<undefined>();
  const among = callMany(tracker, url, { calls, ms: 2, timeoutMs: 20_000, during: (done) => {
    if (done === Math.floor(calls / 3)) kill(undefined);
  } });
  await killed;
  await server.kill();
  // what is written before the end of the connection is noticed is in doubt as well
  while ((await callMany(tracker, url, { calls: 1, timeoutMs: 50 })).counts.has("ambiguous"));
  const patient = callMany(tracker, url, { calls: 100, timeoutMs: 20_000 });
  const hasty = callMany(tracker, url, { calls: 100, timeoutMs: outageMs / 4 });
  const downUntil = performance.now() + outageMs;
  const hastyOutcomes = await hasty;
  await new Promise((resolve) => setTimeout(resolve, Math.max(downUntil - performance.now(), 0)));
  await server.restart();
  const backAt = performance.now();
  const [outcomes, patientOutcomes] = [await among, await patient];
  const backMs = performance.now() - backAt;
  const settled = await callMany(tracker, url, { calls: 100, timeoutMs: 5000 });
  const inDoubt = ["ambiguous", "timeout", "unavailable"].map((code) => outcomes.counts.get(code) ?? 0);
  return [
    exactly(`of ${calls} calls, among which the server was killed, with an outcome`, sumOf(outcomes.counts.values()), calls),
    atLeast("answered", outcomes.counts.get("fulfilled") ?? 0, calls - inFlight),
    exactly("with an outcome other than answered, ambiguous, timeout or unavailable", calls - (outcomes.counts.get("fulfilled") ?? 0) - sumOf(inDoubt), 0),
    told("ambiguous: on their way at the kill", outcomes.counts.get("ambiguous") ?? 0),
    told("timeout", outcomes.counts.get("timeout") ?? 0),
    exactly("of 100 calls during the outage that had time, answered", patientOutcomes.counts.get("fulfilled") ?? 0, 100),
    exactly("of 100 calls during the outage that had none, timeout or unavailable", (hastyOutcomes.counts.get("timeout") ?? 0) + (hastyOutcomes.counts.get("unavailable") ?? 0), 100),
    exactly("of 100 calls after it, answered", settled.counts.get("fulfilled") ?? 0, 100),
    told("until all were answered once the server was back", backMs / 1000, "s"),
  ];
}
