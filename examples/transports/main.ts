/** The ways that messages go: unix sockets with limits of one's own, memory, and a scheme that is made of any byte stream. */
import { parseUrl } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import type { ForwardOptions } from "@acomm/tracker";
import { createMemoryNetwork, createRegistry, createStreamListener, createStreamTransport, createUnixTransport, serve, UnixListener } from "@acomm/transport";
import type { CallParent, ListeningPoint, MemoryNetwork, MemoryNetworkOptions, PoolOptions, StreamListener, StreamListenerInit, StreamTransportInit, Transport, TransportRegistry, UnixTransportOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-transports-"));
const pool: PoolOptions = { connectTimeoutMs: 1_000, ackTimeoutMs: 2_000, idleTimeoutMs: 5_000, maxDials: 8 };

// unix sockets, and memory
const unixOptions: UnixTransportOptions = { ...pool, maxFrameBytes: 1024 * 1024 };
const memoryOptions: MemoryNetworkOptions = pool;
const memory: MemoryNetwork = createMemoryNetwork(memoryOptions);

// a scheme of one's own: how to connect is all that it needs
const init: StreamTransportInit = {
  ...pool,
  schemes: ["loop"],
  isLossy: true, // TCP may lose what the other side has written
  async connect(url, signal) {
    const socket = connect({ host: "127.0.0.1", port: Number(url.port), allowHalfOpen: true });
    await once(socket, "connect", { signal });
    return socket;
  },
};
const loop: Transport = createStreamTransport(init);
const listening: StreamListenerInit = {
  async listen(add): Promise<ListeningPoint> {
    const server = createServer({ allowHalfOpen: true }, add);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { url: parseUrl(`loop://localhost:${(server.address() as AddressInfo).port}`), close: () => void server.close() };
  },
};
const tcp: StreamListener = createStreamListener(listening);

// a registry has a transport for each scheme, and is what services and trackers share
const registry: TransportRegistry = createRegistry([createUnixTransport(unixOptions), memory.transport]);
registry.register(loop);
const tracker = new Tracker({ registry });
await tracker.start();

const listeners = [new UnixListener(join(directory, "a.sock")), memory.createListener("b"), tcp];
for (const listener of listeners) {
  await listener.start();
  const service = serve(listener, ({ args }) => `${String(args)} by ${listener.url.protocol}`, { registry });
  console.log(await tracker.request(listener.url, { task: "where", args: "answered" }));
  await service.stop();
}

// on behalf of somebody else: a call ends with what it was made for
const controller = new AbortController();
const parent: CallParent = { signal: controller.signal };
const silent = memory.createListener("silent");
await silent.start();
const waiting = serve(silent, () => new Promise(() => undefined), { registry });
const options: ForwardOptions = { parent, hops: 1, timeoutMs: 5_000 };
const forwarded = tracker.forward("memory://silent", { id: "theirs", task: "wait", responseHook: null, streamUrl: null, args: null }, options);
controller.abort();
await assert.rejects(forwarded, { code: "cancelled" });

await waiting.stop({ graceMs: 0 });
await tracker.stop();
await registry.close();
await rm(directory, { recursive: true });
