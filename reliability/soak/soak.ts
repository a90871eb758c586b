import { startFaultProxy } from "@acomm/transport-testing";
import type { ConnectionFaults } from "@acomm/transport-testing";
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
import type { Kind, Rest, Targets, Totals } from "./load.ts";
import { slopeOf } from "./slope.ts";
import type { Sample } from "./slope.ts";

/** What the soak found. */
export interface SoakReport {
  readonly totals: Record<Kind, Totals>;
  /** Requests whose handler ran more than once. */
  readonly duplicated: readonly string[];
  /**
   * Of those who lived through: the most memory under load, what is held at rest, how both RSS and live objects at rest grow in
   * ten minutes, and descriptors more than before once everything is closed.
   */
  readonly processes: readonly {
    readonly name: string;
    readonly peakMebibytes: number;
    readonly restingMebibytes: number;
    readonly rssSlopeMebibytes: number;
    readonly liveSlopeMebibytes: number;
    readonly descriptorDelta: number;
  }[];
  /** How many faults were made, by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

const mebibyte = 1024 * 1024;
/** A stream whose reader never came is awaited for half a minute. */
const settleMs = 35_000;

/** Calls at a steady rate over everything that there is, while one in a hundred meets a fault. */
export async function runSoak(options: { readonly seconds: number; readonly rate: number; readonly killEveryMs?: number; readonly restEverySeconds?: number; readonly onMinute?: (minute: number, totals: Record<Kind, Totals>) => void }): Promise<SoakReport> {
  const { seconds, rate, killEveryMs = 3000, restEverySeconds = 10, onMinute } = options;
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

  const run = async (prefix: string, forSeconds: number, onSecond: (totals: Record<Kind, Totals>, rest: Rest | undefined) => void): Promise<Record<Kind, Totals>> => {
    client.child.send({ seconds: forSeconds, rate, prefix, restEverySeconds });
    for (;;) {
      const message = (await client.message()) as { readonly totals?: Record<Kind, Totals>; readonly rest?: Rest; readonly done?: Record<Kind, Totals> };
      if (message.done !== undefined) return message.done;
      if (message.totals !== undefined) onSecond(message.totals, message.rest);
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
  const before = await settledDescriptors(lasting, {});
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
  const peaks: Record<string, number> = {};
  const rests: (Rest & { readonly atMs: number })[] = [];
  const over = new AbortController();
  const startedAt = performance.now();
  const making = makeFaults();
  let minute = 0;
  const totals = await run("k", seconds, (soFar, rest) => {
    const elapsedMs = performance.now() - startedAt;
    void lookAtPeaks();
    if (rest !== undefined) rests.push({ ...rest, atMs: elapsedMs });
    if (elapsedMs < (minute + 1) * 60_000) return;
    minute += 1;
    onMinute?.(minute, soFar);
  });
  over.abort();
  await making;
  await faulty.stop();
  await mortals.second.kill("SIGKILL");
  await mortals.gateway.kill("SIGKILL");

  const after = await settledDescriptors(lasting, before);
  return {
    totals,
    duplicated: await duplicatesIn(Object.values(notes)),
    faults,
    processes: (["client", "steady service"] as const).map((name) => ({
      name,
      peakMebibytes: (peaks[name] ?? 0) / mebibyte,
      restingMebibytes: (rests.at(-1)?.[name].rssBytes ?? 0) / mebibyte,
      rssSlopeMebibytes: slopeOf(warmRests((rest) => rest[name].rssBytes)),
      liveSlopeMebibytes: slopeOf(warmRests((rest) => rest[name].liveBytes)),
      descriptorDelta: (after[name] ?? 0) - (before[name] ?? 0),
    })),
  };

  /** After half of the time: until then Node compiles what runs often. */
  function warmRests(bytesOf: (rest: Rest) => number): Sample[] {
    return rests.filter(({ atMs }) => atMs > seconds * 500).map((rest) => ({ atMs: rest.atMs, bytes: bytesOf(rest) }));
  }

  async function lookAtPeaks(): Promise<void> {
    for (const [name, pid] of Object.entries(lasting)) peaks[name] = Math.max(peaks[name] ?? 0, (await holdingsOf(pid)).rssBytes);
  }

  /** One in a hundred calls: mostly cuts of a connection that many calls share, and once in a while somebody dies. */
  async function makeFaults(): Promise<void> {
    const pauseMs = 100_000 / rate;
    const victims = ["service", "client", "gateway"] as const;
    let kills = 0;
    let asked = 0;
    while (!over.signal.aborted) {
      await wait(pauseMs * (0.5 + Math.random()), undefined, { signal: over.signal }).catch(() => undefined);
      mortals.second.child.send(Array.from({ length: 5 }, () => ({ task: "echo", args: { key: `s${asked++}` }, timeoutMs: 2000, toHook: asked % 2 === 0 })));
      count("cuts");
      faulty.cut();
      if (performance.now() - startedAt < (kills + 1) * killEveryMs) continue;
      const victim = victims[kills % victims.length];
      kills += 1;
      if (victim === "service") mortals.service = await replace("killed services", mortals.service, startMortal);
      else if (victim === "client") mortals.second = await replace("killed clients", mortals.second, startSecond);
      else mortals.gateway = await replace("killed gateways", mortals.gateway, startGateway);
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

/** The least descriptors that each process comes down to within a second, or, where `goal` says how many there were, until it is reached. */
async function settledDescriptors(pids: Readonly<Record<string, number>>, goal: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const least: Record<string, number> = {};
  const isReached = (): boolean => Object.keys(pids).every((name) => (least[name] ?? Infinity) <= (goal[name] ?? -1));
  for (const until = performance.now() + (Object.keys(goal).length === 0 ? 1000 : settleMs); performance.now() < until && !isReached();) {
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
