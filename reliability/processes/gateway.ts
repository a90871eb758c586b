// The one door to HTTP in front of a service: requests, responses to HTTP hooks, streams.
import { Tracker } from "@acomm/tracker";
import { admitTargets, createRegistry, createRequestHandler, createStreamProxyHandler } from "@acomm/transport";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [directory = "", serviceUrl = "", clientOrigin = "", port = "0", graceMs = "3000"] = process.argv.slice(2);

const server = createServer().listen(Number(port), "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const registry = createRegistry();
const tracker = new Tracker({
  socketPath: `${directory}/gateway.sock`,
  httpStreamUrl: `${url}/stream`,
  admit: admitTargets({ origins: [clientOrigin], socketDirectories: [directory] }),
  registry,
});
await tracker.start();
const takeStream = createStreamProxyHandler({ signer: tracker.streamSigner, registry });
const takeRequest = createRequestHandler((request) => tracker.proxy(serviceUrl, request, { timeoutMs: 5000 }));
server.on("request", (request, response) => {
  if (request.url?.startsWith("/stream") === true) void takeStream(request, response);
  else void takeRequest(request, response);
});

process.on("SIGTERM", () => {
  void (async () => {
    server.close(); // what is under way is answered, and new ones are refused
    await tracker.stop({ graceMs: Number(graceMs) });
    await registry.close();
    server.closeAllConnections();
    process.disconnect();
  })();
});
process.send?.({ url });
