/** The one door to HTTP: takes requests for the service, and serves its streams. Started by main.ts. */
import { Tracker } from "@acomm/tracker";
import { admitTargets, createRegistry, createRequestHandler, createStreamProxyHandler, HttpDoor } from "@acomm/transport";
import { join } from "node:path";
import { announce, toldToStop } from "./lifecycle.ts";

const [directory = "", serviceUrl = "", clientOrigin = ""] = process.argv.slice(2);

const door = new HttpDoor(); // on loopback, at a port that is free
await door.start();

const registry = createRegistry();
const tracker = new Tracker({
  socketPath: join(directory, "gateway.sock"),
  httpStreamUrl: new URL("/stream", door.url),
  // answers go to this client, streams come from this directory
  admit: admitTargets({ origins: [clientOrigin], socketDirectories: [directory] }),
  registry,
});
await tracker.start();

door.route("/stream", createStreamProxyHandler({ signer: tracker.streamSigner, registry }));
// what throws here, the caller gets as the refusal
door.route("/", createRequestHandler((request) => tracker.proxy(serviceUrl, request, { timeoutMs: 10_000 })));

announce(door.url.origin);
await toldToStop();

await Promise.all([door.stop({ graceMs: 1000 }), tracker.stop({ graceMs: 1000 })]);
await registry.close();
