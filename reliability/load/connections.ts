import { atLeast, atMost, exactly, quantile, told } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { Room } from "./room.ts";
import { msUntil } from "./worker.ts";

/** How much longer than on a machine of its own anything may take. */
export interface Patience {
  /** @default 1 */
  readonly patience?: number;
}

interface Connected {
  readonly connected: number;
  readonly failed: number;
  readonly retries: number;
  readonly tookMs: number;
}

interface Tally {
  readonly answered: number;
  readonly refused: number;
  readonly lost: number;
  readonly tookMs: number;
}

/** All connect at once, hold their connections until everybody has one, then send one request each. */
export async function burst({ connections, patience = 1 }: Patience & { readonly connections: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const [bare, barePath] = [await room.worker("load-server"), room.socket("bare")];
  await bare.ask("listen", { path: barePath, kind: "bare" });
  const clients = await room.worker("load-raw-clients");
  await clients.ask("connect", { path: barePath, connections });
  await clients.ask("callOnEach", { frames: 1 });
  await clients.ask("close");
  const bareMiB = await bare.peakMiB();
  await bare.kill();
  const server = await room.server(path, { listener: { maxConnections: connections + 2000 } });
  const { descriptors } = await server.holdings();
  const connected = await clients.ask<Connected>("connect", { path, connections });
  const calls = await clients.ask<Tally>("callOnEach");
  const atOnce = (await server.holdings()).descriptors - descriptors; // before, some may still wait in the backlog
  const peakMiB = await server.peakMiB();
  await clients.ask("close");
  return [
    exactly("connections held at once", atOnce, connections),
    exactly("answered", calls.answered, connections),
    exactly("lost or refused", calls.lost + calls.refused + connected.failed, 0),
    atMost("connecting and answering", (connected.tookMs + calls.tookMs) / 1000, 8 * patience, "s"),
    told("peak RSS of a bare server that does the same", bareMiB, "MiB"),
    told("peak RSS of the server", peakMiB, "MiB"),
    atMost("of the bare server's", (peakMiB * 100) / bareMiB, 160, "%"), // 160 MiB where the bare one has 100
    atMost("descriptors back", (await server.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
    told("connects asked again for a full backlog", connected.retries),
  ];
}

/** As many callers of ours at once, each with a connection for one message, in some processes. */
export async function oneShotBurst({ callers, processes = 4, patience = 1 }: Patience & { readonly callers: number; readonly processes?: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path, { listener: { maxConnections: callers + 2000 } });
  const clients = await Promise.all(Array.from({ length: processes }, () => room.worker("load-callers")));
  const before = await server.holdings();
  const descriptors = await Promise.all(clients.map(async (client) => (await client.holdings()).descriptors));
  const share = callers / processes;
  const startedAt = performance.now();
  const sent = await Promise.all(clients.map((client) => client.ask<{ readonly outcomes: Record<string, number> }>("oneShots", { url: `unix://${path}`, total: share, atOnce: share, timeoutMs: 30_000 })));
  const tookMs = performance.now() - startedAt;
  const { handled } = await server.ask<{ readonly handled: number }>("counts");
  const backMs = await Promise.all(clients.map((client, index) => client.descriptorsBackMs(descriptors[index] ?? 0)));
  return [
    exactly("acknowledged", sent.reduce((sum, { outcomes }) => sum + (outcomes["answered"] ?? 0), 0), callers),
    exactly("handled", handled, callers),
    atMost("all of them", tookMs / 1000, 8 * patience, "s"),
    told("peak RSS of the server", await server.peakMiB(), "MiB"),
    atMost("descriptors of the callers back", Math.max(...backMs) / 1000, 2 * patience, "s"),
    atMost("descriptors of the server back", (await server.descriptorsBackMs(before.descriptors)) / 1000, 2 * patience, "s"),
  ];
}

/** Connections that were used once and then stay open without a word; each round in a new process, whose memory varies. */
export async function idleConnections({ connections, rounds = 3, mostMiB = 30, patience = 1 }: Patience & { readonly connections: number; readonly rounds?: number; readonly mostMiB?: number }): Promise<Finding[]> {
  const seen = { held: [] as number[], failed: [] as number[], grownMiB: [] as number[], delayMs: [] as number[], backMs: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    await using room = await Room.open();
    const path = room.socket("a");
    const headerTimeoutMs = 3000; // after which no timer of a connection is left that has only been used
    const server = await room.server(path, { listener: { maxConnections: connections + 100, headerTimeoutMs } });
    const clients = await room.worker("load-raw-clients");
    const { descriptors } = await server.holdings();
    await clients.ask("connect", { path, connections: 50 });
    await clients.ask("callOnEach");
    await clients.ask("close");
    await server.descriptorsBackMs(descriptors);
    const before = await server.keptMiB();
    await clients.ask("connect", { path, connections });
    const calls = await clients.ask<Tally>("callOnEach");
    seen.held.push((await server.holdings()).descriptors - descriptors);
    seen.failed.push(calls.lost + calls.refused);
    await server.loop();
    await new Promise((resolve) => setTimeout(resolve, 1.2 * headerTimeoutMs)); // what is measured is the time in which nothing happens
    seen.delayMs.push((await server.loop()).p99DelayMs);
    seen.grownMiB.push((await server.keptMiB()) - before);
    await clients.ask("close");
    seen.backMs.push(await server.descriptorsBackMs(descriptors));
  }
  return [
    exactly("idle connections", Math.min(...seen.held), connections),
    exactly("lost or refused", Math.max(...seen.failed), 0),
    atMost("RSS grown", quantile(seen.grownMiB, 0.5), mostMiB, "MiB"),
    atMost("event-loop delay p99 while they are idle", Math.max(...seen.delayMs), 50 * patience, "ms"),
    atMost("descriptors back", Math.max(...seen.backMs) / 1000, 2 * patience, "s"),
  ];
}

interface Pace {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Many connect and say nothing, more than the listener takes; one caller is there already, others come anew. */
export async function silentConnections({ connections, patience = 1 }: Patience & { readonly connections: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const headerTimeoutMs = 5000; // longer than a caller tries to get in: a place must be made for it
  const server = await room.server(path, { listener: { headerTimeoutMs } });
  const [silent, caller] = [await room.worker("load-raw-clients"), await room.worker("load-callers")];
  const url = `unix://${path}`;
  await caller.ask("start");
  await caller.ask<Pace>("pace", { url, calls: 2000 }); // warm
  const before = await caller.ask<Pace>("pace", { url, calls: 2000 });
  const { descriptors } = await server.holdings();
  const connecting = silent.ask<Connected>("connect", { path, connections });
  const flooded = await caller.ask<Pace>("pace", { url, calls: 2000 });
  const { tookMs: connectedMs } = await connecting;
  const during = await caller.ask<Pace>("pace", { url, calls: 2000 });
  const fresh: { readonly outcome: string; readonly tookMs: number }[] = [];
  for (let index = 0; index < 10; index += 1) fresh.push(await caller.ask("newCaller", { url }));
  const closedMs = await silent.ask<number>("untilClosed");
  const after = await caller.ask<Pace>("pace", { url, calls: 100 });
  return [
    told("all connected", connectedMs, "ms"),
    atMost("the good caller's p50 while they connect", flooded.p50Ms, 20 * patience, "ms"),
    // whose kept connection may have had to make room: it connects again, as soon as a silent one is old enough to go
    atMost("its longest call meanwhile", flooded.maxMs, 1500 * patience, "ms"),
    atMost("its p50 while they are silent, against its p50 before", during.p50Ms / before.p50Ms, 3 * patience),
    atMost("its longest call meanwhile", during.maxMs, 1500 * patience, "ms"),
    exactly("new callers answered", fresh.filter(({ outcome }) => outcome === "answered").length, fresh.length),
    atMost("the longest that a new one waited", Math.max(...fresh.map(({ tookMs }) => tookMs)), 2000 * patience, "ms"),
    exactly("silent connections left", await silent.ask("openCount"), 0),
    atMost("silent connections closed", closedMs / 1000, (1.4 * headerTimeoutMs * patience) / 1000, "s"),
    atMost("descriptors back", (await server.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
    atMost("the good caller's longest call afterwards", after.maxMs, 500 * patience, "ms"),
  ];
}

/** A server that may open few descriptors, and more clients than that. */
export async function serverDescriptorsExhausted({ clients: count, maxDescriptors, maxConnections, forMs, patience = 1 }: Patience & { readonly clients: number; readonly maxDescriptors: number; readonly maxConnections?: number; readonly forMs: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path, { maxDescriptors, ...(maxConnections === undefined ? {} : { listener: { maxConnections } }) });
  const clients = await room.worker("load-raw-clients");
  const caller = await room.worker("load-callers");
  const { descriptors } = await server.holdings();
  await clients.ask("connect", { path, connections: count });
  const calls = await clients.ask<Tally>("callOnEach"); // those who got a place keep it
  const held = (await server.holdings()).descriptors;
  const linesBefore = server.stderrLines;
  const cpuPercent = await server.cpuPercentDuring(new Promise((resolve) => setTimeout(resolve, forMs)));
  const linesPerSecond = ((server.stderrLines - linesBefore) * 1000) / forMs;
  const stillOpen = await clients.ask<number>("openCount");
  await clients.ask("close");
  const fresh = await caller.ask<{ readonly outcome: string; readonly tookMs: number }>("newCaller", { url: `unix://${path}` });
  return [
    atLeast("descriptors in use while exhausted", held, maxConnections === undefined ? maxDescriptors / 4 : maxDescriptors - 2),
    atLeast("clients served meanwhile", calls.answered, 10),
    told("clients that still hold a connection", stillOpen),
    atMost("CPU while exhausted", cpuPercent, 20, "%"),
    atMost("lines on stderr", linesPerSecond, 20, "/s"),
    exactly("a new caller is answered once they have left", fresh.outcome === "answered" ? 1 : 0, 1),
    atMost("after", fresh.tookMs, 1000 * patience, "ms"),
    atMost("descriptors back", (await server.descriptorsBackMs(descriptors)) / 1000, 2 * patience, "s"),
  ];
}

/** A caller that may open few descriptors, and more peers than that, which hold their answers back. */
export async function callerDescriptorsExhausted({ peers, maxDescriptors, patience = 1 }: Patience & { readonly peers: number; readonly maxDescriptors: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const server = await room.worker("load-server");
  await server.ask("listenMany", { directory: room.path, count: peers });
  const caller = await room.worker("load-callers", { maxDescriptors });
  await caller.ask("start");
  const urls = Array.from({ length: peers }, (_, index) => `unix://${room.socket(String(index))}`);
  await caller.ask("begin", { urls, task: "hold" });
  const linesBefore = caller.stderrLines;
  // those that find no descriptor try again for the time of a connect, then fail
  const exhausted = msUntil(async () => (await caller.ask<number>("pendingCount")) <= maxDescriptors, 10_000);
  const cpuPercent = await caller.cpuPercentDuring(exhausted);
  const quiet = await caller.cpuPercentDuring(new Promise((resolve) => setTimeout(resolve, 1000)));
  await server.ask("release");
  const outcomes = await caller.ask<Record<string, number>>("outcomes");
  const startedAt = performance.now();
  await caller.ask("begin", { urls: urls.slice(0, 10), task: "echo" });
  const again = await caller.ask<Record<string, number>>("outcomes");
  const recoveredMs = performance.now() - startedAt;
  const { answered = 0, overloaded = 0, timeout = 0 } = outcomes;
  return [
    atLeast("calls that got a descriptor and were answered", answered, 10),
    exactly("the others, which fail with overloaded, or with timeout where a last try was under way", overloaded + timeout, peers - answered),
    atLeast("of them with overloaded", overloaded, 1),
    atMost("until they have failed", (await exhausted) / 1000, 3 * patience, "s"),
    atMost("CPU while they try", cpuPercent, 60, "%"),
    atMost("CPU while exhausted", quiet, 20, "%"),
    exactly("lines on stderr", caller.stderrLines - linesBefore, 0),
    exactly("answered once there are descriptors", again["answered"] ?? 0, 10),
    atMost("after", recoveredMs, 1000 * patience, "ms"),
  ];
}

/** A connection for each request, again and again, by bare clients and by callers of ours. */
export async function churn({ total, patience = 1 }: Patience & { readonly total: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path);
  const [clients, caller] = [await room.worker("load-raw-clients"), await room.worker("load-callers")];
  const url = `unix://${path}`;
  const oneShots = Math.floor(total / 5);
  const churned = (count: number): Promise<Tally> => clients.ask<Tally>("churn", { path, total: count, atOnce: 50, frames: 2 });
  const sent = (count: number): Promise<{ readonly outcomes: Record<string, number> }> => caller.ask("oneShots", { url, total: count, atOnce: 50 });
  const warmUp = Math.max(3000, Math.floor(total / 50));
  await churned(warmUp);
  await sent(warmUp);
  const before = [await server.keptMiB(), await caller.keptMiB()] as const;
  const descriptors = [(await server.holdings()).descriptors, (await caller.holdings()).descriptors] as const;
  const calls = await churned(total - oneShots);
  const { outcomes } = await sent(oneShots);
  const back = await server.descriptorsBackMs(descriptors[0]);
  const callerBack = await caller.descriptorsBackMs(descriptors[1]);
  return [
    exactly("answered", calls.answered + (outcomes["answered"] ?? 0), total),
    exactly("descriptors more than before", (await server.holdings()).descriptors - descriptors[0], 0),
    exactly("descriptors of the caller more than before", (await caller.holdings()).descriptors - descriptors[1], 0),
    atMost("descriptors back", Math.max(back, callerBack) / 1000, 2 * patience, "s"),
    atMost("RSS of the server grown after warm-up", (await server.keptMiB()) - before[0], 20, "MiB"),
    atMost("RSS of the caller grown after warm-up", (await caller.keptMiB()) - before[1], 20, "MiB"),
    told("bare clients", (calls.answered * 1000) / calls.tookMs, "/s"),
  ];
}
