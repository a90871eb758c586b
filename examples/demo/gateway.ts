/** The one door to HTTP: takes requests for the service, and serves its streams. Started by main.ts. */
import { Tracker } from "@acomm/tracker";
import { admitTargets, createRegistry, createRequestHandler, createStreamProxyHandler } from "@acomm/transport";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { announce, toldToStop } from "./lifecycle.ts";

const [directory = "", serviceUrl = "", clientOrigin = ""] = process.argv.slice(2);

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const registry = createRegistry();
const tracker = new Tracker({
  socketPath: join(directory, "gateway.sock"),
  httpStreamUrl: `${url}/stream`,
  // answers go to this client, streams come from this directory
  admit: admitTargets({ origins: [clientOrigin], socketDirectories: [directory] }),
  registry,
});
await tracker.start();

const takeStream = createStreamProxyHandler({ signer: tracker.streamSigner, registry });
// what throws here, the caller gets as the refusal
const takeRequest = createRequestHandler((request) => tracker.proxy(serviceUrl, request, { timeoutMs: 10_000 }));

server.on("request", (request, response) => {
  const { pathname } = new URL(request.url ?? "/", url);
  if (pathname === "/") void takeRequest(request, response);
  else if (pathname === "/stream") void takeStream(request, response);
  else response.writeHead(404).end();
});

announce(url);
await toldToStop();

server.close();
await tracker.stop({ graceMs: 1000 });
await registry.close();
server.closeAllConnections();
