import { AcommError, parseUrl } from "@acomm/protocol";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "../connection.ts";
import type { PoolOptions } from "../peer.ts";
import { nameOf } from "../name-of.ts";
import { createStreamListener } from "../stream-listener.ts";
import type { StreamListener } from "../stream-listener.ts";
import { createStreamTransport } from "../stream-transport.ts";
import type { Transport } from "../transport.ts";
import { createStreamPair } from "./stream-pair.ts";

/** Limits of {@link createMemoryNetwork}; all have defaults. */
export interface MemoryNetworkOptions extends PoolOptions, ConnectionOptions {}

/** A transport within one process, and the listeners that it reaches. */
export interface MemoryNetwork {
  /** For `memory://name`. */
  readonly transport: Transport;
  /** A listener at `memory://name`; reachable from its start to its stop. @throws AcommError `bad_field` */
  createListener(name: string): StreamListener;
}

/**
 * A network within one process, for tests and for services that share a process: the same frames, acknowledgements and
 * limits as over a socket. Two networks don't see each other.
 */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  const doors = new Map<string, (stream: Duplex) => void>();
  const transport = createStreamTransport({
    ...options,
    isLossy: false,
    schemes: ["memory"],
    async connect(url) {
      const add = doors.get(url.host);
      if (add === undefined) throw new AcommError("unavailable", `nobody listens at ${nameOf(url)}: start the service on this network, or correct the name`);
      const [here, there] = createStreamPair();
      add(there);
      return here;
    },
  });
  return {
    transport,
    createListener(name) {
      const url = parseUrl(`memory://${name}`);
      return createStreamListener({
        ...options,
        url,
        async listen(add) {
          if (doors.has(url.host)) throw new AcommError("bad_address", `somebody listens at ${nameOf(url)} already: choose another name`);
          doors.set(url.host, add);
          return { url, close: () => void doors.delete(url.host) };
        },
      });
    },
  };
}
