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

/** What {@link createMemoryNetwork} takes. */
export interface MemoryNetworkOptions extends PoolOptions, ConnectionOptions {}

/** A transport within one process, and its listeners. */
export interface MemoryNetwork {
  /** For `memory://name`. */
  readonly transport: Transport;
  /** At `memory://name`, from its start to its stop. @throws `bad_field` */
  createListener(name: string): StreamListener;
}

/** A network within one process, with the frames, acknowledgements and limits of sockets. */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  const doors = new Map<string, (stream: Duplex) => void>();
  const transport = createStreamTransport({
    ...options,
    isLossy: false,
    schemes: ["memory"],
    async connect(url) {
      const add = doors.get(url.host);
      if (add === undefined) throw new AcommError("unavailable", `nobody listens at ${nameOf(url)}`);
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
