/** Prints `unavailable without a server`. */
import { Tracker } from "@acomm/tracker";
import { createRegistry } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";

const network = createNatsNetwork({ server: "nats://127.0.0.1:1" });
const registry = createRegistry([network.transport]);
const tracker = new Tracker({ registry });
await tracker.start();
const code = await tracker.request("nats://127.0.0.1:1/greet", { task: "greet", timeoutMs: 10_000 }).catch((error: unknown) => (error as { readonly code: string }).code);
console.log(`${String(code)} without a server`);
await tracker.stop();
await network.close();
await registry.close();
