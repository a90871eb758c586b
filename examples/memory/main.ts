/** A service and a caller in one process, without a socket between them: how a test can do without the file system. */
import { Tracker } from "@acomm/tracker";
import { createMemoryNetwork, createRegistry, serve } from "@acomm/transport";
import assert from "node:assert/strict";

const network = createMemoryNetwork();
const registry = createRegistry([network.transport]);

const listener = network.createListener("adder");
await listener.start();
const service = serve<number[]>(listener, ({ args }) => args.reduce((sum, value) => sum + value, 0), { registry });

const tracker = new Tracker({ registry });
await tracker.start();
assert.equal(await tracker.request("memory://adder", { task: "add", args: [1, 2, 3] }), 6);

// the same errors as over a socket
await assert.rejects(tracker.request("memory://nobody", { task: "add" }), { code: "unavailable" });
await assert.rejects(tracker.request("unix:///run/nobody.sock", { task: "add" }), { code: "unknown_scheme" });

await tracker.stop();
await service.stop();
await registry.close();
console.log("memory: 1 + 2 + 3 = 6, without a socket");
