/** One service in two places over a nats-server: they share the calls, and a stream comes back the same way. */
import { Tracker } from "@acomm/tracker";
import { admitTargets, createRegistry, openStream, serve } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import type { NatsNetwork } from "@acomm/transport-nats";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

if (spawnSync("nats-server", ["--version"]).error !== undefined) {
  console.log("nats: left out, there is no nats-server");
  process.exit();
}

const broker = spawn("nats-server", ["--addr", "127.0.0.1", "--port", "-1"], { stdio: ["ignore", "ignore", "pipe"] });
process.once("exit", () => broker.kill());
let server = "";
for await (const line of createInterface({ input: broker.stderr })) {
  const address = /Listening for client connections on (\S+)/.exec(line)?.[1];
  if (address !== undefined) server = `nats://${address}`;
  if (line.includes("Server is ready")) break;
}

/** What each process would do for itself. */
async function startService(network: NatsNetwork, name: string): Promise<{ stop(): Promise<void> }> {
  const registry = createRegistry([network.transport]);
  const tracker = new Tracker({ registry, listener: network.createListener(), streams: network });
  await tracker.start();
  const listener = network.createListener("greet");
  await listener.start();
  const service = serve(listener, async ({ task }, { attachStream }) => {
    if (task === "read") attachStream(await tracker.createStream([`${name} wrote this`]));
    return name;
  }, { registry, admit: admitTargets({ schemes: ["nats"] }) });
  return {
    async stop() {
      await service.stop();
      await tracker.stop();
      await network.close();
    },
  };
}

const services = [await startService(createNatsNetwork({ server }), "one"), await startService(createNatsNetwork({ server }), "two")];
const network = createNatsNetwork({ server });
const registry = createRegistry([network.transport]);
const tracker = new Tracker({ registry, listener: network.createListener() });
await tracker.start();
const url = `${server}/greet`;

const names = await Promise.all(Array.from({ length: 200 }, () => tracker.request<string>(url, { task: "name" })));
const ones = names.filter((name) => name === "one").length;
assert.ok(ones > 50 && ones < 150, `one of them got ${ones} of 200 calls`);

const { result, streamUrl } = await tracker.call(url, { task: "read" });
assert.ok(streamUrl !== null);
assert.equal(await text(await openStream(streamUrl, { registry })), `${String(result)} wrote this`);

for (const service of services) await service.stop();
await assert.rejects(tracker.request(url, { task: "name" }), { code: "unavailable" });
await tracker.stop();
await network.close();
broker.kill();
console.log("nats: two services shared 200 calls, and a stream came whole");
