/** Requests that a NATS server stores: sent while nobody listens, handed out when somebody does. */
import { createRequest } from "@acomm/protocol";
import { admitTargets, createRegistry, send, serve } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import type { DurableOptions, NatsListenerOptions, NatsNetworkOptions } from "@acomm/transport-nats";
import assert from "node:assert/strict";
import { startBroker } from "./broker.ts";

const broker = await startBroker("nats-durable");
const options: NatsNetworkOptions = { server: broker.server, ackTimeoutMs: 5_000 };
const stored: DurableOptions = { maxDeliveries: 3, ackWaitMs: 10_000 };
const durable: NatsListenerOptions = { durable: stored };

// the first to listen at a subject lets the server store what is sent there
const first = createNatsNetwork(options);
const listener = first.createListener("mail.out", durable);
await listener.start();
const url = listener.url;
await listener.stop();

// accepted means stored; nobody listens now
const sender = createNatsNetwork(options);
const senders = createRegistry([sender.transport]);
for (const to of ["Ada", "Bob"]) await send(url, createRequest({ task: "mail", args: { to }, id: `mail-${to}` }), { registry: senders });
await send(url, createRequest({ task: "mail", args: { to: "Ada" }, id: "mail-Ada" }), { registry: senders }); // the same once more is stored once

// later, perhaps on another machine
const { promise: both, resolve } = Promise.withResolvers<undefined>();
const sent: string[] = [];
const again = createNatsNetwork(options);
const outbox = again.createListener("mail.out", durable);
await outbox.start();
const service = serve<{ readonly to: string }>(outbox, ({ args }) => {
  sent.push(args.to);
  if (sent.length === 2) resolve(undefined);
}, { registry: createRegistry([again.transport]), admit: admitTargets({ schemes: ["nats"] }) });
await both;
assert.deepEqual(sent.sort(), ["Ada", "Bob"]);

await service.stop();
for (const network of [first, sender, again]) await network.close();
await broker.stop();
console.log("nats-durable: two requests were stored and ran when somebody listened, the one that was sent twice once");
