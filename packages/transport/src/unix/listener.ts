import { AcommError } from "@acomm/protocol";
import { createServer } from "node:net";
import type { ListenerOptions } from "../connection-queue.ts";
import { StreamListener } from "../stream-listener.ts";
import { listenAt } from "./socket-file.ts";
import { checkSocketPath, urlOfSocketPath } from "./socket-path.ts";

/** What {@link UnixListener} takes; all have defaults. */
export interface UnixListenerOptions extends ListenerOptions {
  /**
   * The id of a group whose members may connect as well: the socket then has mode 0660, a directory that is made 0750. A
   * directory that is there stays as it is. @default none, only this user and root may connect
   */
  readonly group?: number | undefined;
}

/** The ids of groups; the one above means "leave it" to the kernel. */
const maxGroup = 2 ** 32 - 2;

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
  constructor(socketPath: string, options: UnixListenerOptions = {}) {
    const group = checkGroup(options.group);
    const path = checkSocketPath(socketPath);
    const url = urlOfSocketPath(path);
    super({
      ...options,
      url,
      async listen(add) {
        const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, add);
        const file = await listenAt(server, path, group);
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

function checkGroup(group: number | undefined): number | undefined {
  if (group === undefined || (Number.isSafeInteger(group) && group >= 0 && group <= maxGroup)) return group;
  throw new AcommError("bad_field", `group must be the number of a group, 0 to ${maxGroup}, but is ${typeof group === "number" ? group : `a ${typeof group}`}`);
}
