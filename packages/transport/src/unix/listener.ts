import { badField, checkOptionNames } from "@acomm/protocol";
import type { AcommError, AcommUrl, OptionNames } from "@acomm/protocol";
import { createServer } from "node:net";
import type { Server } from "node:net";
import type { Duplex } from "node:stream";
import type { ListenerOptions } from "../connection-queue.ts";
import { report } from "../diagnostics.ts";
import { StreamListener } from "../stream-listener.ts";
import type { ListeningPoint } from "../stream-listener.ts";
import { checkTimeoutMs } from "../wait.ts";
import { listenAt } from "./socket-file.ts";
import type { SocketFile } from "./socket-file.ts";
import { badAddress, checkSocketPath, urlOfSocketPath } from "./socket-path.ts";

/** What {@link UnixListener} takes. */
export interface UnixListenerOptions extends ListenerOptions {
  /** The id of a group whose members may connect too: mode 0660, and 0750 for a directory that it makes. @default none: only this user and root */
  readonly group?: number | undefined;
  /** How often to look for the socket file; one that was removed, as by a cleaner, is made anew. @default 5000 */
  readonly watchIntervalMs?: number | undefined;
}

const unixListenerOptionNames: OptionNames<UnixListenerOptions> = {
  acceptLimit: true,
  maxConnections: true,
  maxBufferedBytes: true,
  maxFrameBytes: true,
  frameTimeoutMs: true,
  headerTimeoutMs: true,
  group: true,
  watchIntervalMs: true,
};

/** The ids of groups; the one above means "leave it" to the kernel. */
const maxGroup = 2 ** 32 - 2;

/**
 * Listens on a unix socket; the seed's `UnixListener`. Its file has mode 0600 in a private directory, replaces a stale one and
 * never a live one, and is removed on stop if it is still ours.
 */
export class UnixListener extends StreamListener {
  readonly #path: string;

  /** Has its socket from its start to its stop. @param socketPath absolute, at most 107 bytes @throws `bad_address`, `bad_field` */
  constructor(socketPath: string, options: UnixListenerOptions = {}) {
    checkOptionNames(options, "UnixListener", unixListenerOptionNames);
    const group = checkGroup(options.group);
    const watchIntervalMs = checkTimeoutMs(options.watchIntervalMs ?? 5000, "watchIntervalMs");
    const path = checkSocketPath(socketPath);
    const url = urlOfSocketPath(path);
    super({
      ...options,
      url,
      listen: (add) => listenAndWatch(path, { group, watchIntervalMs }, add, url),
    });
    this.#path = path;
  }

  /** The path of the socket; the seed's `Addr`. */
  get address(): string {
    return this.#path;
  }
}

/** Listens at a path, and anew where the socket file was removed; connections that were accepted before live on. */
async function listenAndWatch(path: string, options: { readonly group: number | undefined; readonly watchIntervalMs: number }, add: (stream: Duplex) => void, url: AcommUrl): Promise<ListeningPoint> {
  const listen = async (): Promise<[Server, SocketFile]> => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, add);
    const file = await listenAt(server, path, options.group);
    server.on("error", () => undefined); // an accept that failed, for want of descriptors, concerns the one who connected
    return [server, file];
  };
  let [server, file] = await listen();
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const state = await file.state();
    if (state === "ours") return;
    if (state === "replaced") {
      clearInterval(timer); // whoever has taken the path keeps it
      report(undefined, badAddress(`somebody else has taken ${path}: this listener is not reached any more`));
      return;
    }
    const removed = server;
    [server, file] = await listen();
    removed.close();
  };
  const timer = setInterval(() => {
    looking ??= look().catch((error: unknown) => { report(undefined, error as AcommError); }).finally(() => { looking = undefined; });
  }, options.watchIntervalMs).unref();
  return {
    url,
    async close() {
      clearInterval(timer);
      await looking;
      server.close();
      await file.remove();
    },
  };
}

function checkGroup(group: number | undefined): number | undefined {
  if (group === undefined || (Number.isSafeInteger(group) && group >= 0 && group <= maxGroup)) return group;
  throw badField(`group must be the number of a group, 0 to ${maxGroup}, but is ${typeof group === "number" ? group : `a ${typeof group}`}`);
}
