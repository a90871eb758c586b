import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { ConnectionQueue } from "../connection-queue.ts";
import type { Connection, ConnectionOptions } from "../connection.ts";
import type { Listener, StopOptions, StopReport } from "../transport.ts";
import { checkGraceMs } from "../wait.ts";
import { listenAt } from "./socket-file.ts";
import type { SocketFile } from "./socket-file.ts";
import { checkSocketPath, urlOfSocketPath } from "./socket-path.ts";

/** What {@link UnixListener} takes besides its path. */
export interface UnixListenerOptions extends ConnectionOptions {
  /** After how many connections it stops accepting; 0 for no limit. @default 0 */
  readonly acceptLimit?: number | undefined;
  /** How many connections may be open at once; more are refused with `overloaded`. @default 1024 */
  readonly maxConnections?: number | undefined;
}

/**
 * Listens on a unix socket and hands out its connections; the seed's `UnixListener`. The socket file has mode 0600 in a
 * directory that is private, replaces a stale one and never a live one, and is removed on stop if it is still ours.
 */
export class UnixListener implements Listener {
  readonly #path: string;
  readonly #connections: ConnectionQueue;
  #server: Server | undefined;
  #file: SocketFile | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  /**
   * @param socketPath an absolute path of at most 107 bytes
   * @throws AcommError `bad_address`, `bad_field`
   */
  constructor(socketPath: string, options: UnixListenerOptions = {}) {
    this.#path = checkSocketPath(socketPath);
    this.#connections = new ConnectionQueue(options, () => { this.#server?.close(); });
  }

  /** The path of the socket; the seed's `Addr`. */
  get address(): string {
    return this.#path;
  }

  /** The URL of the socket; the seed's `URL`. */
  get url(): AcommUrl {
    return urlOfSocketPath(this.#path);
  }

  /** Starts to listen; a second call waits for the first. @throws AcommError `bad_address`, `stopping` after a stop. */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(stoppedError());
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(options: StopOptions = {}): Promise<StopReport> {
    checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  nextConnection(): Promise<Connection | undefined> {
    return this.#connections.next();
  }

  doneConnection(connection: Connection): void {
    this.#connections.done(connection);
  }

  /** The connections one after the other; each must be given to {@link doneConnection}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    for (let connection = await this.nextConnection(); connection !== undefined; connection = await this.nextConnection()) yield connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket: Socket) => { this.#connections.add(socket); });
    this.#file = await listenAt(server, this.#path);
    server.on("error", () => undefined); // an accept that failed, for want of descriptors, concerns the one who connected
    this.#server = server;
    if (this.#connections.isClosed) server.close();
    if (this.#stopping !== undefined) throw stoppedError();
  }

  async #stop(options: StopOptions): Promise<StopReport> {
    this.#connections.close();
    // a start that is under way is let finish: its file must not stay behind; its error goes to whoever called it
    await this.#starting?.catch(() => undefined);
    this.#server?.close();
    const drained = this.#connections.drain(options);
    await this.#file?.remove();
    return drained;
  }
}

function stoppedError(): AcommError {
  return new AcommError("stopping", "the listener was stopped: make a new one");
}
