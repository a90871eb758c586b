import { startFaultProxy } from "@acomm/transport/testing";
import type { ConnectionFaults } from "@acomm/transport/testing";
import { temporaryDirectory } from "@acomm/testing";
import type { Fixture } from "@acomm/testing";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { holdingsOf } from "../probe.ts";
import { runProcess } from "../run-process.ts";
import type { Kind, Targets, Totals } from "./load.ts";
import { slopeOf } from "./slope.ts";
import type { Sample } from "./slope.ts";

/** What the soak found. */
export interface SoakReport {
  readonly totals: Record<Kind, Totals>;
  /** Requests whose handler ran more than once. */
  readonly duplicated: readonly string[];
  /** Of those who lived through: growth of memory, and descriptors more than before once everything is closed. */
  readonly processes: readonly { readonly name: string; readonly slopeMebibytes: number; readonly rssMebibytes: number; readonly descriptorDelta: number }[];
  /** How many faults were made, by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

const mebibyte = 1024 * 1024;
const settleMs = 1000;

/** Calls at a steady rate over everything that there is, while one in a hundred meets a fault. */
export async function runSoak(options: { readonly seconds: number; readonly rate: number; readonly onMinute?: (minute: number, totals: Record<Kind, Totals>) => void }): Promise<SoakReport> {
  const { seconds, rate, onMinute } = options;
  await using directory = await temporaryDirectory();
  const notes = { steady: `${directory.path}/steady-notes`, mortal: `${directory.path}/mortal-notes` };
  const [gatewayPort, hookPort] = [await freePort(), await freePort()];
  const targets: Targets = {
    steady: `unix://${directory.socket("steady")}`,
    mortal: `unix://${directory.socket("mortal")}`,
    proxied: `unix://${directory.socket("proxy")}`,
    gateway: `http://127.0.0.1:${gatewayPort}/`,
    hookPort,
    trackerPath: directory.socket("client"),
  };
  const startMortal = (): Fixture => runProcess("service", directory.socket("mortal"), notes.mortal);
  const startGateway = (): Fixture => runProcess("gateway", directory.path, targets.steady, `http://127.0.0.1:${hookPort}`, String(gatewayPort));
  const startSecond = (): Fixture => runProcess("caller", targets.steady, directory.socket("second"));
  await using steady = runProcess("service", directory.socket("steady"), notes.steady, "2000");
  await using client = runProcess("soak-client", JSON.stringify(targets));
  const mortals = { service: startMortal(), gateway: startGateway(), second: startSecond() };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Promise.all(Object.values(mortals).map((fixture) => fixture[Symbol.asyncDispose]())).then(() => undefined));
  await Promise.all([steady, client, ...Object.values(mortals)].map((fixture) => fixture.message()));

  const run = async (prefix: string, forSeconds: number, onSecond: (totals: Record<Kind, Totals>) => void): Promise<Record<Kind, Totals>> => {
    client.child.send({ seconds: forSeconds, rate, prefix });
    for (;;) {
      const message = (await client.message()) as { readonly totals?: Record<Kind, Totals>; readonly done?: Record<Kind, Totals> };
      if (message.done !== undefined) return message.done;
      if (message.totals !== undefined) onSecond(message.totals);
    }
  };
  const faults: Record<string, number> = {};
  const count = (name: string): void => { faults[name] = (faults[name] ?? 0) + 1; };
  const proxy = await startFaultProxy(directory.socket("proxy"), { target: directory.socket("steady") });
  stack.use(proxy);
  // everything is opened, used and closed once, so that what Node opens for itself is open when descriptors are counted
  await run("w", 1, () => undefined);
  await proxy.stop();
  const lasting = { client: client.child.pid ?? 0, "steady service": steady.child.pid ?? 0 };
  await mortals.second.kill("SIGKILL");
  await mortals.gateway.kill("SIGKILL");
  const before = await settledDescriptors(lasting);
  mortals.second = startSecond();
  mortals.gateway = startGateway();
  await Promise.all([mortals.second.message(), mortals.gateway.message()]);

  await using faulty = await startFaultProxy(directory.socket("proxy"), {
    target: directory.socket("steady"),
    plan: () => {
      const plan = randomFaults();
      if (plan !== undefined) count("faulty connections");
      return plan ?? {};
    },
  });
  const samples: Record<string, Sample[]> = { client: [], "steady service": [] };
  const over = new AbortController();
  const making = makeFaults();
  const startedAt = performance.now();
  let minute = 0;
  const totals = await run("k", seconds, (soFar) => {
    const elapsedMs = performance.now() - startedAt;
    void sample(elapsedMs);
    if (elapsedMs < (minute + 1) * 60_000) return;
    minute += 1;
    onMinute?.(minute, soFar);
  });
  over.abort();
  await making;
  await faulty.stop();
  await mortals.second.kill("SIGKILL");
  await mortals.gateway.kill("SIGKILL");

  const after = await settledDescriptors(lasting);
  return {
    totals,
    duplicated: await duplicatesIn(Object.values(notes)),
    faults,
    processes: Object.keys(lasting).map((name) => ({
      name,
      slopeMebibytes: slopeOf((samples[name] ?? []).filter(({ atMs }) => atMs > seconds * 200)),
      rssMebibytes: (samples[name]?.at(-1)?.bytes ?? 0) / mebibyte,
      descriptorDelta: (after[name] ?? 0) - (before[name] ?? 0),
    })),
  };

  async function sample(atMs: number): Promise<void> {
    for (const [name, pid] of Object.entries(lasting)) samples[name]?.push({ atMs, bytes: (await holdingsOf(pid)).rssBytes });
  }

  /** One in a hundred calls: mostly cuts of a connection that many calls share, and once in a while somebody dies. */
  async function makeFaults(): Promise<void> {
    const pauseMs = 100_000 / rate;
    let turn = 0;
    let asked = 0;
    while (!over.signal.aborted) {
      await wait(pauseMs * (0.5 + Math.random()), undefined, { signal: over.signal }).catch(() => undefined);
      turn += 1;
      mortals.second.child.send(Array.from({ length: 5 }, () => ({ task: "echo", args: { key: `s${asked++}` }, timeoutMs: 2000, toHook: asked % 2 === 0 })));
      if (turn % 40 === 0) mortals.service = await replace("killed services", mortals.service, startMortal);
      else if (turn % 60 === 30) mortals.gateway = await replace("killed gateways", mortals.gateway, startGateway);
      else if (turn % 40 === 20) mortals.second = await replace("killed clients", mortals.second, startSecond);
      else {
        count("cuts");
        faulty.cut();
      }
    }
  }

  async function replace(what: string, fixture: Fixture, start: () => Fixture): Promise<Fixture> {
    count(what);
    await fixture.kill("SIGKILL");
    const next = start();
    await next.message();
    return next;
  }
}

function randomFaults(): ConnectionFaults | undefined {
  const bytes = Math.floor(Math.random() * 3000);
  const faults: readonly (ConnectionFaults | undefined)[] = [
    undefined, undefined, undefined, undefined,
    { refuse: true },
    { toTarget: { cutAfterBytes: bytes } },
    { toClient: { cutAfterBytes: bytes } },
    { toTarget: { stallAfterBytes: bytes } },
    { toClient: { stallAfterBytes: bytes } },
    { toTarget: { pieceBytes: 7 }, toClient: { pieceBytes: 5 } },
    { toClient: { delayMs: 20 } },
  ];
  return faults[Math.floor(Math.random() * faults.length)];
}

/** The least descriptors that each process comes down to within a while: connections take a moment to close. */
async function settledDescriptors(pids: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const least: Record<string, number> = {};
  for (const until = performance.now() + settleMs; performance.now() < until;) {
    await wait(50);
    for (const [name, pid] of Object.entries(pids)) {
      const { descriptors } = await holdingsOf(pid);
      least[name] = Math.min(least[name] ?? descriptors, descriptors);
    }
  }
  return least;
}

async function duplicatesIn(paths: readonly string[]): Promise<string[]> {
  const seen = new Set<string>();
  const twice: string[] = [];
  for (const path of paths) {
    for await (const key of createInterface({ input: createReadStream(path) })) {
      if (seen.has(key)) twice.push(key);
      seen.add(key);
    }
  }
  return twice;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
