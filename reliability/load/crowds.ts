import type { Patience } from "./connections.ts";
import { atMost, exactly } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { Room } from "./room.ts";

type Outcomes = Readonly<Record<string, number>>;

/** Many trackers in one process, each with its socket, its pool and its connection to the same service. */
export async function manyTrackers({ trackers, patience = 1 }: Patience & { readonly trackers: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const path = room.socket("a");
  const server = await room.server(path);
  const caller = await room.worker("load-callers");
  const urls = [`unix://${path}`];
  await caller.ask("start", { count: 2 });
  await caller.ask("begin", { urls, count: 2 });
  await caller.ask("outcomes");
  await caller.ask("stop");
  const before = await caller.remains();
  const keptMiB = await caller.keptMiB();
  const descriptors = [(await caller.holdings()).descriptors, (await server.holdings()).descriptors] as const;
  await caller.ask("start", { count: trackers });
  await caller.ask("begin", { urls, count: trackers }); // the first one finds out that the connection may be kept
  await caller.ask("outcomes");
  await caller.ask("begin", { urls, count: 2 * trackers });
  const outcomes = await caller.ask<Outcomes>("outcomes");
  const open = (await server.holdings()).descriptors - descriptors[1];
  await caller.ask("stop");
  const after = await caller.remains();
  return [
    exactly("answered", outcomes["answered"] ?? 0, 2 * trackers),
    exactly("connections, one for each tracker", open, trackers),
    atMost("descriptors back", (await caller.descriptorsBackMs(descriptors[0])) / 1000, 2 * patience, "s"),
    atMost("descriptors of the server back", (await server.descriptorsBackMs(descriptors[1])) / 1000, 2 * patience, "s"),
    atMost("timers more than before", after.timers - before.timers, 0),
    atMost("sockets more than before", after.sockets - before.sockets, 0),
    atMost("servers more than before", after.servers - before.servers, 0),
    exactly("warnings", after.warnings.length, 0),
    atMost("RSS kept", (await caller.keptMiB()) - keptMiB, 20, "MiB"),
  ];
}

/** Many peers of one caller, each with a connection of its own, which end once they are unused. */
export async function manyPeers({ peers, idleTimeoutMs, patience = 1 }: Patience & { readonly peers: number; readonly idleTimeoutMs: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const server = await room.worker("load-server");
  await server.ask("listenMany", { directory: room.path, count: peers });
  const caller = await room.worker("load-callers");
  await caller.ask("start", { transport: { idleTimeoutMs } });
  const urls = Array.from({ length: peers }, (_, index) => `unix://${room.socket(String(index))}`);
  const before = await caller.remains();
  const serverDescriptors = (await server.holdings()).descriptors;
  const { descriptors } = await caller.holdings();
  await caller.ask("begin", { urls }); // the first one to each finds out that the connection may be kept
  await caller.ask("outcomes");
  await caller.ask("begin", { urls, count: 5 * peers });
  const outcomes = await caller.ask<Outcomes>("outcomes");
  const open = (await server.holdings()).descriptors - serverDescriptors;
  const backMs = await caller.descriptorsBackMs(descriptors, 10 * idleTimeoutMs + 5000);
  await server.descriptorsBackMs(serverDescriptors);
  const after = await caller.remains();
  return [
    exactly("answered", outcomes["answered"] ?? 0, 5 * peers),
    exactly("connections, one for each peer", open, peers),
    atMost("connections closed once they are unused", backMs / 1000, (2 * idleTimeoutMs) / 1000 + 2 * patience, "s"),
    atMost("descriptors of the server more than before", (await server.holdings()).descriptors - serverDescriptors, 0),
    atMost("timers more than before, the one for all deadlines included", after.timers - before.timers, 1),
    atMost("sockets more than before", after.sockets - before.sockets, 0),
  ];
}

/** A pool that is flooded and left alone in turns, towards a peer that keeps its connection and one that closes each. */
export async function growingPools({ waves, messages, patience = 1 }: Patience & { readonly waves: number; readonly messages: number }): Promise<Finding[]> {
  await using room = await Room.open();
  const [path, oncePath] = [room.socket("a"), room.socket("once")];
  const server = await room.server(path);
  const once = await room.server(oncePath, { kind: "once" });
  const caller = await room.worker("load-callers");
  await caller.ask("start", { transport: { idleTimeoutMs: 100 } });
  const { descriptors: idle } = await caller.holdings();
  const sendAll = (to: string): Promise<Outcomes> => caller.ask<Outcomes>("sendAll", { url: `unix://${to}`, count: messages });
  await Promise.all([sendAll(path), sendAll(oncePath)]);
  await caller.descriptorsBackMs(idle);
  const before = await caller.remains();
  let answered = 0;
  let backMs = 0;
  for (let wave = 0; wave < waves; wave += 1) {
    const outcomes = await Promise.all([sendAll(path), sendAll(oncePath)]);
    answered += outcomes.reduce((sum, each) => sum + (each["answered"] ?? 0), 0);
    backMs = Math.max(backMs, await caller.descriptorsBackMs(idle));
  }
  const { peakBareConnections } = await once.ask<{ readonly peakBareConnections: number }>("counts");
  const after = await caller.remains();
  const kept = await server.ask<{ readonly handled: number }>("counts");
  return [
    exactly("acknowledged", answered, 2 * waves * messages),
    exactly("handled by the one that keeps its connection", kept.handled, (waves + 1) * messages),
    atMost("connections at once to the one that closes each, those it still closes included", peakBareConnections, 2 * 64),
    atMost("connections closed after a wave", backMs / 1000, 1 + patience, "s"),
    atMost("timers more than before", after.timers - before.timers, 0),
    atMost("sockets more than before", after.sockets - before.sockets, 0),
  ];
}
