import type { Patience } from "./connections.ts";
import { atLeast, atMost, exactly, told } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { Room } from "./room.ts";

/** A connection for each request, 50 clients side by side, against a bare server that does the same; both in turns. */
export async function connectionPerRequest({ requests, rounds, least = 50, leastWhole = 20 }: { readonly requests: number; readonly rounds: number; readonly least?: number; readonly leastWhole?: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [path, barePath] = [room.socket("a"), room.socket("bare")];
  await room.server(path);
  await room.server(barePath, { kind: "bare" });
  const [clients, caller] = [await room.worker("load-raw-clients"), await room.worker("load-callers")];
  const rates = { bare: [] as number[], served: [] as number[], whole: [] as number[] };
  let failed = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const bare = await clients.ask<Rate & { readonly answered: number }>("churn", { path: barePath, total: requests, atOnce: 50, frames: 1 });
    const served = await clients.ask<Rate & { readonly answered: number }>("churn", { path, total: requests, atOnce: 50, frames: 2 });
    const whole = await caller.ask<Rate & { readonly outcomes: Record<string, number> }>("oneShots", { url: `unix://${path}`, total: requests, atOnce: 50 });
    failed += 3 * requests - bare.answered - served.answered - (whole.outcomes["answered"] ?? 0);
    if (round === 0) continue; // warm-up
    rates.bare.push(bare.perSecond);
    rates.served.push(served.perSecond);
    rates.whole.push(whole.perSecond);
  }
  return [
    exactly("failed", failed, 0),
    told("bare clients at a bare server", median(rates.bare), "/s"),
    told("bare clients at a service of ours", median(rates.served), "/s"),
    atLeast("of what the bare server does", percent(rates.served, rates.bare), least, "%"),
    told("callers of ours at a service of ours", median(rates.whole), "/s"),
    atLeast("of what bare ones do among themselves", percent(rates.whole, rates.bare), leastWhole, "%"),
  ];
}

/** One kept connection with 64 requests in flight, against a bare one that does the same; both in turns. */
export async function keptConnection({ forMs, rounds, least = 30 }: { readonly forMs: number; readonly rounds: number; readonly least?: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [path, barePath] = [room.socket("a"), room.socket("bare")];
  await room.server(path);
  await room.server(barePath, { kind: "bare" });
  const [clients, caller] = [await room.worker("load-raw-clients"), await room.worker("load-callers")];
  await caller.ask("start");
  const rates = { bare: [] as number[], ours: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const bare = await clients.ask<Rate>("pipelined", { path: barePath, inFlight: 64, forMs });
    const ours = await caller.ask<Rate>("pipelined", { url: `unix://${path}`, inFlight: 64, forMs });
    if (round === 0) continue; // warm-up
    rates.bare.push(bare.perSecond);
    rates.ours.push(ours.perSecond);
  }
  return [
    told("bare socket", median(rates.bare), "/s"),
    told("calls", median(rates.ours), "/s"),
    atLeast("of the bare socket", percent(rates.ours, rates.bare), least, "%"),
  ];
}

/** Many requests under way at once, answered only after a while. */
export async function inFlight({ requests, forMs, patience = 1 }: Patience & { readonly requests: number; readonly forMs: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path);
  const caller = await room.worker("load-callers");
  const urls = [`unix://${path}`];
  const before = { server: await server.remains(), caller: await caller.remains() };
  await caller.ask("start");
  await caller.ask("begin", { urls, count: requests, task: "hold", timeoutMs: 60_000 });
  await server.ask("untilHeld", { count: requests });
  await Promise.all([server.loop(), caller.loop()]);
  await new Promise((resolve) => setTimeout(resolve, forMs)); // how long they are under way is what the case is about
  const pending = await caller.ask<number>("pendingCount");
  const loops = await Promise.all([server.loop(), caller.loop()]);
  await server.ask("release");
  const outcomes = await caller.ask<Record<string, number>>("outcomes");
  const peaks = await Promise.all([server.peakMiB(), caller.peakMiB()]);
  const { inFlight: left } = await server.ask<{ readonly inFlight: number }>("counts");
  const used = await caller.remains();
  await caller.ask("stop");
  const after = { server: await server.remains(), caller: await caller.remains() };
  return [
    exactly("under way at once", pending, requests),
    exactly("lost", requests - (outcomes["answered"] ?? 0), 0),
    exactly("under way afterwards", left, 0),
    atMost("peak RSS of the server", peaks[0], 250, "MiB"),
    atMost("peak RSS of the caller", peaks[1], 250, "MiB"),
    atMost("event-loop delay p99 meanwhile", Math.max(...loops.map(({ p99DelayMs }) => p99DelayMs)), 50 * patience, "ms"),
    // a few for all requests together, and for the connections; not one for each
    atMost("timers of the caller more than before, while it lives", used.timers - before.caller.timers, 16),
    atMost("timers of the caller more than before, once it has stopped", after.caller.timers - before.caller.timers, 0),
    atMost("timers of the server more than before", after.server.timers - before.server.timers, 0),
  ];
}

/** Frames of some MiB from many connections at the same time, more than the listener may hold; again and again. */
export async function largeFrames({ frames, bytes, rounds }: { readonly frames: number; readonly bytes: number; readonly rounds: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path); // which holds 64 MiB
  const [clients, caller] = [await room.worker("load-raw-clients"), await room.worker("load-callers")];
  const urls = [`unix://${path}`];
  await caller.ask("start");
  const before = await server.keptMiB();
  // one connection, one frame behind the other
  await caller.ask("begin", { urls, count: frames, task: "length", bytes, timeoutMs: 60_000 });
  const kept = await caller.ask<Record<string, number>>("outcomes");
  const keptPeak = await server.peakMiB();
  await server.ask("collect");
  await server.forgetPeak();
  // a connection for each, all of them incomplete at the same time
  const sum = { answered: 0, refused: 0, lost: 0 };
  const peaks: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await clients.ask("connect", { path, connections: frames });
    const { answered, refused, lost } = await clients.ask<typeof sum>("callLarge", { bytes });
    sum.answered += answered;
    sum.refused += refused;
    sum.lost += lost;
    await clients.ask("close");
    peaks.push(await server.peakMiB());
  }
  const fresh = await caller.ask<{ readonly outcome: string }>("newCaller", { url: urls[0] });
  return [
    exactly("answered on one connection", kept["answered"] ?? 0, frames),
    atMost("peak RSS grown by those", keptPeak - before, 256, "MiB"),
    atLeast("answered on a connection each", sum.answered, rounds),
    exactly("answered or refused with a word", sum.answered + sum.refused, rounds * frames),
    atMost("peak RSS grown by those", Math.max(...peaks) - before, 512, "MiB"),
    atMost("from the second round to the last", (peaks.at(-1) ?? NaN) - (peaks[1] ?? NaN), 128, "MiB"),
    exactly("a new caller is answered afterwards", fresh.outcome === "answered" ? 1 : 0, 1),
  ];
}

interface Rate {
  readonly perSecond: number;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of the rounds' ratios. */
function percent(values: readonly number[], bases: readonly number[]): number {
  return median(values.map((value, index) => (value * 100) / (bases[index] ?? Number.NaN)));
}
