/** Callers of our own: one tracker with many calls, many trackers, many that send one message and leave. */
import { AcommError, createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createUnixTransport, send } from "@acomm/transport";
import type { TransportRegistry, UnixTransportOptions } from "@acomm/transport";
import { answer } from "../load/answer.ts";
import { quantile } from "../load/finding.ts";

/** How many calls came to which outcome, by the error's code. */
type Outcomes = Record<string, number>;

let registry: TransportRegistry | undefined;
let trackers: Tracker[] = [];
let underWay: Promise<string>[] = [];

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "answered";
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}

async function tally(promises: readonly Promise<string>[]): Promise<Outcomes> {
  const sum: Outcomes = {};
  for (const outcome of await Promise.all(promises)) sum[outcome] = (sum[outcome] ?? 0) + 1;
  return sum;
}

function tracker(index = 0): Tracker {
  const found = trackers[index];
  if (found === undefined) throw new Error("ask for the start first");
  return found;
}

const smallArgs = { text: "x".repeat(100) };

answer({
  async start({ count = 1, transport, maxPending }: { readonly count?: number; readonly transport?: UnixTransportOptions; readonly maxPending?: number }) {
    if (transport !== undefined) registry = createRegistry([createUnixTransport(transport)]);
    const made = Array.from({ length: count }, () => new Tracker({ registry, maxPending }));
    await Promise.all(made.map((each) => each.start()));
    trackers.push(...made);
  },
  async stop() {
    await Promise.all(trackers.map((each) => each.stop({ graceMs: 1000 })));
    trackers = [];
    await registry?.close();
    registry = undefined;
  },
  /** Begins so many calls at once, all to one URL or one to each. */
  begin({ urls, count = urls.length, task = "echo", timeoutMs = 30_000, bytes = 100 }: { readonly urls: readonly string[]; readonly count?: number; readonly task?: string; readonly timeoutMs?: number; readonly bytes?: number }) {
    const args = { text: "x".repeat(bytes) };
    for (let index = 0; index < count; index += 1) {
      underWay.push(outcomeOf(tracker(index % trackers.length).request(urls[index % urls.length] ?? "", { task, args, timeoutMs })));
    }
  },
  /** What became of them. */
  async outcomes() {
    const begun = underWay;
    underWay = [];
    return tally(begun);
  },
  pendingCount: () => trackers.reduce((sum, { pendingCount }) => sum + pendingCount, 0),
  /** One call after the other; gives how long they took. */
  async pace({ url, calls }: { readonly url: string; readonly calls: number }) {
    const latencies: number[] = [];
    for (let index = 0; index < calls; index += 1) {
      const startedAt = performance.now();
      await tracker().request(url, { task: "echo", args: smallArgs });
      latencies.push(performance.now() - startedAt);
    }
    return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), maxMs: Math.max(...latencies) };
  },
  /** A caller that wasn't there before: how long until it has its answer. */
  async newCaller({ url }: { readonly url: string }) {
    const startedAt = performance.now();
    await using fresh = new Tracker();
    await fresh.start();
    const outcome = await outcomeOf(fresh.request(url, { task: "echo", args: smallArgs, timeoutMs: 10_000 }));
    return { outcome, tookMs: performance.now() - startedAt };
  },
  /** So many messages, each with a connection of its own, at most `atOnce` at a time. */
  async oneShots({ url, total, atOnce, timeoutMs = 10_000 }: { readonly url: string; readonly total: number; readonly atOnce: number; readonly timeoutMs?: number }) {
    const startedAt = performance.now();
    const outcomes: Outcomes = {};
    let begun = 0;
    const loop = async (): Promise<void> => {
      while (begun < total) {
        begun += 1;
        const outcome = await outcomeOf(send(url, createRequest({ task: "echo", args: smallArgs }), { timeoutMs }));
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    };
    const loops: Promise<void>[] = [];
    for (let index = 0; index < atOnce; index += 1) {
      loops.push(loop());
      if (index % 100 === 99) await new Promise((resolve) => setImmediate(resolve)); // nobody's loop is held up by thousands of others
    }
    await Promise.all(loops);
    const tookMs = performance.now() - startedAt;
    return { outcomes, tookMs, perSecond: (total * 1000) / tookMs };
  },
  /** So many messages at once through one pool; the receiver's acknowledgement is the outcome. */
  sendAll: ({ url, count }: { readonly url: string; readonly count: number }) =>
    tally(Array.from({ length: count }, () => outcomeOf(send(url, createRequest({ task: "echo", args: smallArgs }), { registry, timeoutMs: 30_000 })))),
  /** One kept connection with so many calls in flight, for a while. */
  async pipelined({ url, inFlight, forMs }: { readonly url: string; readonly inFlight: number; readonly forMs: number }) {
    const startedAt = performance.now();
    let answered = 0;
    const loop = async (): Promise<void> => {
      while (performance.now() - startedAt < forMs) {
        await tracker().request(url, { task: "echo", args: smallArgs });
        answered += 1;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    return { perSecond: (answered * 1000) / (performance.now() - startedAt) };
  },
});
