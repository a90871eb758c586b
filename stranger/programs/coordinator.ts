/** Prints `unknown_task, and 404 over HTTP`. */
import { Coordinator } from "@acomm/coordinator";
import { Tracker } from "@acomm/tracker";

const [socketDir = "."] = process.argv.slice(2);
const coordinator = new Coordinator({ socketDir, http: { tokens: ["a-long-secret"] } });
await coordinator.start();

const tracker = new Tracker();
await tracker.start();
const code = await tracker.request(coordinator.url, { task: "nobody-serves-this" }).catch((error: unknown) => (error as { readonly code: string }).code);
const { status } = await fetch(new URL("/nothing", coordinator.httpUrl), { headers: { authorization: "Bearer a-long-secret" } });
console.log(`${String(code)}, and ${status} over HTTP`);
await tracker.stop();
await coordinator.stop();
