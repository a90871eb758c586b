import { AcommError } from "@acomm/protocol";
import { MultiRequest } from "@acomm/multirequest";
import { Tracker } from "@acomm/tracker";
import { createHttpTransport, createRegistry, createResponseHandler, createUnixTransport, openStream } from "@acomm/transport";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { restingBytes } from "./resting.ts";
import type { Resting } from "./resting.ts";

/** Where the load goes. */
export interface Targets {
  /** A service that is never killed, and one that is. */
  readonly steady: string;
  readonly mortal: string;
  /** The steady one, behind a proxy that makes faults. */
  readonly proxied: string;
  readonly gateway: string;
  readonly hookPort: number;
  readonly trackerPath: string;
}

/** What the processes that live through hold at a moment when nothing is under way. */
export interface Rest {
  readonly client: Resting;
  readonly "steady service": Resting;
}

/** The kinds of calls. */
export const kinds = ["small", "to a mortal service", "through faults", "large", "by HTTP", "fan-out", "stream", "stream by HTTP"] as const;

/** The name of a kind of calls. */
export type Kind = (typeof kinds)[number];

/** What became of the calls of one kind. */
export interface Totals {
  sent: number;
  answered: number;
  /** By code. */
  readonly failed: Record<string, number>;
  /** Had no outcome half a second after their deadline. */
  lost: number;
  /** Answered with something else than was asked for. */
  corrupt: number;
}

const timeoutMs = 3000;
const graceMs = 500;
const streamBytes = 300_000;
/** How often each kind comes, of a hundred. */
const shares: readonly (readonly [kind: Kind, share: number])[] = [
  ["stream", 2], ["stream by HTTP", 1], ["large", 5], ["by HTTP", 5], ["fan-out", 2], ["through faults", 25], ["to a mortal service", 20], ["small", 40],
];

class Corrupt extends Error {}

/** Calls at a steady rate for a while, but for a rest now and then in which memory is looked at, closes everything, and gives what became of the calls. */
export async function runLoad(targets: Targets, options: { readonly seconds: number; readonly rate: number; readonly prefix: string; readonly restEverySeconds: number; readonly onSecond: (totals: Record<Kind, Totals>, rest: Rest | undefined) => void }): Promise<Record<Kind, Totals>> {
  const registry = createRegistry([createUnixTransport({ ackTimeoutMs: 1000 }), createHttpTransport()]);
  const lossy = createRegistry([createUnixTransport({ ackTimeoutMs: 1000, isLossy: true }), createHttpTransport()]);
  const tracker = new Tracker({ socketPath: targets.trackerPath, registry });
  const lossyTracker = new Tracker({ socketPath: `${targets.trackerPath}.lossy`, registry: lossy });
  await Promise.all([tracker.start(), lossyTracker.start()]);
  const takeResponse = createResponseHandler(tracker.handleResponse);
  const server = createServer((request, response) => void takeResponse(request, response)).listen(targets.hookPort, "127.0.0.1");
  await once(server, "listening");
  const responseHook = `http://127.0.0.1:${targets.hookPort}/`;

  const totals = Object.fromEntries(kinds.map((kind) => [kind, { sent: 0, answered: 0, failed: {}, lost: 0, corrupt: 0 }])) as unknown as Record<Kind, Totals>;
  const open = new Map<string, { readonly kind: Kind; readonly deadline: number }>();

  const readStream = async (asked: Promise<{ readonly result: { readonly sha256: string } | null; readonly streamUrl: URL | null }>): Promise<void> => {
    const { result, streamUrl } = await asked;
    if (streamUrl === null) throw new Corrupt("no stream");
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of (await openStream(streamUrl, { registry, idleTimeoutMs: timeoutMs })) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    if (bytes !== streamBytes || hash.digest("hex") !== result?.sha256) throw new Corrupt("another stream");
  };
  const echo = async (through: Tracker, url: string, key: string): Promise<void> => {
    const result = await through.request<{ readonly key?: string }>(url, { task: "echo", args: { key }, timeoutMs });
    if (result.key !== key) throw new Corrupt("another answer");
  };
  const call: Record<Kind, (key: string) => Promise<void>> = {
    small: (key) => echo(tracker, targets.steady, key),
    "to a mortal service": (key) => echo(tracker, targets.mortal, key),
    "through faults": (key) => echo(lossyTracker, targets.proxied, key),
    async large(key) {
      const bytes = 256 * 1024;
      const text = await tracker.request<string>(targets.steady, { task: "text", args: { key, bytes }, timeoutMs });
      if (text.length !== bytes) throw new Corrupt("another length");
    },
    async "by HTTP"(key) {
      const result = await tracker.request<{ readonly key?: string }>(targets.gateway, { task: "echo", args: { key }, responseHook, timeoutMs });
      if (result.key !== key) throw new Corrupt("another answer");
    },
    async "fan-out"(key) {
      const multi = new MultiRequest(tracker, { timeoutMs });
      for (const name of ["a", "b", "c"]) multi.request(name, targets.steady, { task: "echo", args: { key: key + name } });
      for (const [name, { error, result }] of await multi.responses()) {
        if (error !== "") throw new AcommError("remote", error);
        if ((result as { readonly key?: string }).key !== key + name) throw new Corrupt("another answer");
      }
    },
    stream: (key) => readStream(tracker.call(targets.steady, { task: "stream", args: { key, bytes: streamBytes }, timeoutMs })),
    "stream by HTTP": (key) => readStream(tracker.call(targets.gateway, { task: "stream", args: { key, bytes: streamBytes }, responseHook, timeoutMs })),
  };

  const start = (kind: Kind, key: string): void => {
    const total = totals[kind];
    total.sent += 1;
    // a stream has its own limit once it is open
    open.set(key, { kind, deadline: performance.now() + (kind.startsWith("stream") ? 3 * timeoutMs : timeoutMs) });
    call[kind](key).then(
      () => { total.answered += 1; },
      (error: unknown) => {
        if (error instanceof Corrupt) total.corrupt += 1;
        else {
          const code = error instanceof AcommError ? error.code : String(error);
          total.failed[code] = (total.failed[code] ?? 0) + 1;
        }
      },
    ).finally(() => open.delete(key));
  };
  const lookForLost = (): void => {
    const now = performance.now();
    for (const [key, { kind, deadline }] of open) {
      if (now < deadline + graceMs) continue;
      totals[kind].lost += 1;
      open.delete(key);
    }
  };

  const allDone = async (): Promise<void> => {
    const until = performance.now() + 3 * timeoutMs + 2 * graceMs;
    while (open.size > 0 && performance.now() < until) {
      await wait(20);
      lookForLost();
    }
  };
  let startedAt = performance.now();
  let sent = 0;
  let second = 0;
  for (let elapsedMs = 0; elapsedMs < options.seconds * 1000; elapsedMs = performance.now() - startedAt) {
    for (const due = (elapsedMs / 1000) * options.rate; sent < due; sent += 1) {
      let place = (sent * 37) % 100;
      const [kind] = shares.find(([, share]) => (place -= share) < 0) ?? (["small", 0] as const);
      start(kind, `${options.prefix}${sent}`);
    }
    if (elapsedMs >= 1000 * (second + 1)) {
      second += 1;
      lookForLost();
      let rest: Rest | undefined;
      if (second % options.restEverySeconds === 0) {
        const restedAt = performance.now();
        await allDone();
        rest = { client: await restingBytes(), "steady service": await tracker.request<Resting>(targets.steady, { task: "rest", timeoutMs }) };
        startedAt += performance.now() - restedAt; // the rate is kept, the calls of the rest are not made up for
      }
      options.onSecond(totals, rest);
    }
    await wait(5);
  }
  await allDone();
  const cut = (await Promise.all([tracker, lossyTracker].map((each) => each.stop({ graceMs: 1000 })))).flatMap((report) => report.cut);
  totals.small.lost += cut.length; // a request that is still open has no outcome
  await Promise.all([registry.close(), lossy.close()]);
  server.close();
  server.closeAllConnections();
  return totals;
}
