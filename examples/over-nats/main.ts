/** One provider on three machines, which are processes here: they share the calls, a stream comes back, one leaves, one is killed. */
import { createClient, createRegistry, openStream, Tracker } from "acomm";
import { createNatsNetwork } from "acomm/nats";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { hasNats, startBroker } from "./broker.ts";
import { callByCommand } from "./command.ts";
import type { createRenderer } from "./renderer.ts";

if (!hasNats) {
  console.log("over-nats: left out, there is no nats-server");
  process.exit();
}
const { server, stop: stopBroker } = await startBroker();
const machines = await Promise.all(["a", "b", "c"].map(async (name) => {
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "process.ts"), server, name], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return { end: async (signal: NodeJS.Signals) => { child.kill(signal); return (await exited)[0] as unknown; } };
}));

// #region call
const network = createNatsNetwork({ server });
const registry = createRegistry([network.transport]);
const tracker = new Tracker({ registry, listener: network.createListener(), streams: network });
await tracker.start();
const renderer = createClient<ReturnType<typeof createRenderer>["provider"]>(tracker, { network });

const rendered = await Promise.all(Array.from({ length: 90 }, () => renderer.request("render", { scene: "sea" }, { timeoutMs: 5_000 })));
// #endregion
const shares = Map.groupBy(rendered, (result) => result);
assert.ok(shares.size === 3 && [...shares.values()].every(({ length }) => length > 10));
console.log(`90 calls: ${[...shares.keys()].sort().join(", ")}`);

// #region stream
const { streamUrl } = await renderer.call("film");
console.log(`streamed: ${await text(await openStream(streamUrl ?? "", { registry }))}`);
// #endregion

// #region who
const services = await network.discover();
console.log(`found: ${services.map(({ name, endpoints }) => `${name} (${endpoints.map((endpoint) => endpoint.name).join(", ")})`).join("; ")}`);
// #endregion

const [a, b, c] = machines;
assert.equal(await a?.end("SIGTERM"), 0); // it leaves in order
assert.equal(new Set(await Promise.all(Array.from({ length: 20 }, () => renderer.request("render", { scene: "sea" })))).size, 2);
console.log("one left in order: 20 calls answered by the other two");

const startedAt = performance.now();
const slow = ["slow", "slow", "slow", "slow", "slow", "slow"].map((scene) => renderer.request("render", { scene }, { timeoutMs: 30_000 }));
const outcomes = Promise.allSettled(slow);
await renderer.request("render", { scene: "sea" });
await Promise.all([b?.end("SIGKILL"), c?.end("SIGKILL")]);
const codes = new Set((await outcomes).map((outcome) => (outcome.status === "rejected" ? (outcome.reason as { code: string }).code : "answered")));
assert.ok(performance.now() - startedAt < 15_000, "before their deadlines");
console.log(`two were killed: calls under way are ${[...codes].join(", ")}`);
await assert.rejects(renderer.request("render", { scene: "sea" }), { code: "unavailable" });

console.log(`by the command: ${await callByCommand(server)}`);

await tracker.stop();
await network.close();
stopBroker();
