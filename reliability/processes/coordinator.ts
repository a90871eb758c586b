// A coordinator of a socket directory; SIGTERM ends it in order.
import { Coordinator } from "@acomm/coordinator";
import { once } from "node:events";

const [socketDir = ""] = process.argv.slice(2);

const coordinator = new Coordinator({ socketDir });
await coordinator.start();
process.send?.("ready");
await once(process, "SIGTERM");
await coordinator.stop({ graceMs: 10_000 });
process.disconnect();
