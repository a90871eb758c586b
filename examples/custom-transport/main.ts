/** A scheme of one's own, here tcp://127.0.0.1:port: how to connect and how to listen is all that a transport needs. */
import { parseUrl } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { createRegistry, createStreamListener, createStreamTransport, serve } from "@acomm/transport";
import type { Listener, Transport } from "@acomm/transport";
import { transportCompliance } from "@acomm/transport/testing";
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

interface Limits {
  readonly maxFrameBytes?: number;
}

function createTcpTransport(limits: Limits = {}): Transport {
  return createStreamTransport({
    ...limits,
    schemes: ["tcp"],
    async connect(url, signal) {
      const socket = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true, noDelay: true });
      try {
        await once(socket, "connect", { signal });
        return socket;
      } catch (error) {
        socket.destroy();
        throw error;
      }
    },
  });
}

function createTcpListener(limits: Limits = {}): Listener {
  return createStreamListener({
    ...limits,
    async listen(add) {
      const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, add);
      await once(server.listen(0, "127.0.0.1"), "listening");
      return { url: parseUrl(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`), close: () => void server.close() };
    },
  });
}

const registry = createRegistry();
registry.register(createTcpTransport());

const listener = createTcpListener();
await listener.start();
const { url } = listener;
const service = serve<{ readonly name: string }>(listener, ({ args }) => `hello ${args.name}`);

const tracker = new Tracker({ registry });
await tracker.start();
assert.equal(await tracker.request(url, { task: "greet", args: { name: "tcp" } }), "hello tcp");

await service.stop();
await assert.rejects(tracker.request(url, { task: "greet", args: { name: "nobody" } }), { code: "unavailable" });
await tracker.stop();
await registry.close();

// what every transport must do, this one does
const cases = transportCompliance({
  capabilities: ["order", "answers", "probe"],
  async open(limits) {
    const transport = createTcpTransport(limits);
    return { transport, createListener: () => createTcpListener(limits), [Symbol.asyncDispose]: () => transport.close() };
  },
});
for (const { run } of cases) await run();
console.log("custom-transport: answered over", url.protocol, `and complies in ${cases.length} cases`);
