/** A scheme of one's own, here tcp://127.0.0.1:port: how to connect and how to listen is all that a transport needs. */
import { parseUrl } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { ConnectionQueue, createRegistry, createStreamTransport, serve } from "@acomm/transport";
import type { Connection, Listener, StopOptions, StopReport, Transport } from "@acomm/transport";
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

function createTcpTransport(): Transport {
  return createStreamTransport({
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

class TcpListener implements Listener {
  readonly #connections = new ConnectionQueue({}, () => undefined);
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => { this.#connections.add(socket); });

  get url(): URL {
    return parseUrl(`tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async start(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  async stop(options: StopOptions = {}): Promise<StopReport> {
    this.#connections.close();
    this.#server.close();
    return this.#connections.drain(options);
  }

  async nextConnection(): Promise<Connection | undefined> {
    return this.#connections.next();
  }

  doneConnection(connection: Connection): void {
    this.#connections.done(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const registry = createRegistry();
registry.register(createTcpTransport());

const listener = new TcpListener();
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
console.log("custom-transport: answered over", url.protocol);
