import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { ConnectionQueue } from "../connection-queue.ts";
import type { Connection, ConnectionOptions } from "../connection.ts";
import type { PoolOptions } from "../peer.ts";
import { createStreamTransport } from "../stream-transport.ts";
import type { Listener, StopOptions, StopReport, Transport } from "../transport.ts";
import { checkGraceMs } from "../wait.ts";
import { createStreamPair } from "./stream-pair.ts";

/** Limits of {@link createMemoryNetwork}; all have defaults. */
export interface MemoryNetworkOptions extends PoolOptions, ConnectionOptions {}

/** A transport within one process, and the listeners that it reaches. */
export interface MemoryNetwork {
  /** For `memory://name`. */
  readonly transport: Transport;
  /** A listener at `memory://name`; reachable from its start to its stop. @throws AcommError `bad_field` */
  createListener(name: string): Listener;
}

/**
 * A network within one process, for tests and for services that share a process: the same frames, acknowledgements and
 * limits as over a socket. Two networks don't see each other.
 */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  const listeners = new Map<string, MemoryListener>();
  const transport = createStreamTransport({
    ...options,
    schemes: ["memory"],
    connect(url) {
      const listener = listeners.get(url.host);
      if (listener === undefined) return Promise.reject(new AcommError("unavailable", `nobody listens at ${url.href}`));
      const [here, there] = createStreamPair();
      listener.connections.add(there);
      return Promise.resolve(here);
    },
  });
  return { transport, createListener: (name) => new MemoryListener(name, listeners, options) };
}

class MemoryListener implements Listener {
  readonly url: AcommUrl;
  readonly connections: ConnectionQueue;
  readonly #listeners: Map<string, MemoryListener>;
  #stopping: Promise<StopReport> | undefined;

  constructor(name: string, listeners: Map<string, MemoryListener>, options: ConnectionOptions) {
    this.url = parseUrl(`memory://${name}`);
    this.#listeners = listeners;
    this.connections = new ConnectionQueue(options, () => undefined);
  }

  async start(): Promise<void> {
    this.connections.checkOpen();
    const { host } = this.url;
    const other = this.#listeners.get(host);
    if (other !== undefined && other !== this) throw new AcommError("bad_address", `somebody listens at ${this.url.href} already: choose another name`);
    this.#listeners.set(host, this);
  }

  async stop(options: StopOptions = {}): Promise<StopReport> {
    checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  nextConnection(): Promise<Connection | undefined> {
    return this.connections.next();
  }

  doneConnection(connection: Connection): void {
    this.connections.done(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #stop(options: StopOptions): Promise<StopReport> {
    this.connections.close();
    const { host } = this.url;
    if (this.#listeners.get(host) === this) this.#listeners.delete(host);
    return this.connections.drain(options);
  }
}
