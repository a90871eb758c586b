import { createServer } from "node:net";
import type { ListenerOptions } from "../connection-queue.ts";
import { StreamListener } from "../stream-listener.ts";
import { listenAt } from "./socket-file.ts";
import { checkSocketPath, urlOfSocketPath } from "./socket-path.ts";

/**
 * Listens on a unix socket and hands out its connections; the seed's `UnixListener`. The socket file has mode 0600 in a
 * directory that is private, replaces a stale one and never a live one, and is removed on stop if it is still ours.
 */
export class UnixListener extends StreamListener {
  readonly #path: string;

  /**
   * @param socketPath an absolute path of at most 107 bytes
   * @throws AcommError `bad_address`, `bad_field`
   */
  constructor(socketPath: string, options: ListenerOptions = {}) {
    const path = checkSocketPath(socketPath);
    const url = urlOfSocketPath(path);
    super({
      ...options,
      url,
      async listen(add) {
        const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, add);
        const file = await listenAt(server, path);
        server.on("error", () => undefined); // an accept that failed, for want of descriptors, concerns the one who connected
        return {
          url,
          async close() {
            server.close();
            await file.remove();
          },
        };
      },
    });
    this.#path = path;
  }

  /** The path of the socket; the seed's `Addr`. */
  get address(): string {
    return this.#path;
  }
}
