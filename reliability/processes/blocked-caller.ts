// Calls a service and holds its own event loop up until long after the answers have come; prints what became of the calls.
import { AcommError, createRequest } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createUnixTransport, send } from "@acomm/transport";

const [url = "", socketPath = ""] = process.argv.slice(2);
const registry = createRegistry([createUnixTransport({ ackTimeoutMs: 400, frameTimeoutMs: 400 })]);
const tracker = new Tracker({ socketPath, registry });
await tracker.start();
await tracker.request(url, { task: "echo" });

const codeOf = (error: unknown): string => (error instanceof AcommError ? error.code : String(error));
const calls = [
  tracker.request(url, { task: "slow", args: { ms: 200 }, timeoutMs: 800 }), // accepted, and answered while nobody reads
  tracker.request(url, { task: "text", args: { bytes: 4 * 1024 * 1024 }, timeoutMs: 800 }), // more than the kernel holds
  new Promise((resolve, reject) => {
    const request = createRequest({ task: "slow", args: { ms: 200 }, responseHook: tracker.url, onSuccess: resolve, onError: (_request, { error }) => { reject(new AcommError("remote", error)); } });
    tracker.trackRequest(request, { timeoutMs: 800 });
    send(url, request, { registry, timeoutMs: 800 }).catch(reject);
  }),
].map((call) => call.then(() => "answered", codeOf));

await new Promise((resolve) => setTimeout(resolve, 100)); // they are with the service
calls.push(send(url, createRequest({ task: "echo" }), { registry, timeoutMs: 800 }).then(() => "accepted", codeOf));
await new Promise((resolve) => setImmediate(resolve)); // that one is written, and not acknowledged
const until = performance.now() + 3000;
while (performance.now() < until);

console.log(JSON.stringify(await Promise.all(calls)));
await tracker.stop();
await registry.close();
process.disconnect();
