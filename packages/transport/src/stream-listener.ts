import type { AcommUrl } from "@acomm/protocol";
import type { Duplex } from "node:stream";
import { ConnectionQueue } from "./connection-queue.ts";
import type { ListenerOptions } from "./connection-queue.ts";
import type { Connection } from "./connection.ts";
import type { Listener, StopOptions, StopReport } from "./transport.ts";
import { checkGraceMs, checkStarted, stoppedError } from "./wait.ts";

/** What {@link createStreamListener} takes. */
export interface StreamListenerInit extends ListenerOptions {
  /** Gives `add` every byte stream that connects: unread, allowed to be half open. After the end it is refused. */
  readonly listen: (add: (stream: Duplex) => void) => Promise<ListeningPoint>;
  /** Where it is known before the start. @default what `listen` says */
  readonly url?: AcommUrl | undefined;
}

/** Where something listens. */
export interface ListeningPoint {
  /** What callers send to, by `parseUrl`. */
  readonly url: AcommUrl;
  /** Accepts no more; accepted connections live on. */
  close(): void | Promise<void>;
}

/** A listener over what accepts byte streams. Limits and the graceful stop come with it. */
export function createStreamListener(init: StreamListenerInit): StreamListener {
  return new StreamListener(init);
}

/** A listener over byte streams. */
export class StreamListener implements Listener {
  readonly #listen: StreamListenerInit["listen"];
  readonly #knownUrl: AcommUrl | undefined;
  readonly #connections: ConnectionQueue;
  #point: ListeningPoint | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws `bad_field` */
  constructor(init: StreamListenerInit) {
    this.#listen = init.listen;
    this.#knownUrl = init.url;
    this.#connections = new ConnectionQueue(init, () => void this.#close());
  }

  /** The seed's `URL`. @throws `unavailable` before the start, where that finds it */
  get url(): AcommUrl {
    return checkStarted(this.#knownUrl ?? this.#point?.url);
  }

  /** Listens. Idempotent. @throws `bad_address`, `stopping` after a stop */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(stoppedError());
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Accepts no more, waits for the connections that were handed out, then cuts them. Idempotent, also during the start.
   *
   * @throws `bad_field`
   */
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

  /** Each must be given to {@link doneConnection}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    for (let connection = await this.nextConnection(); connection !== undefined; connection = await this.nextConnection()) yield connection;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    this.#point = await this.#listen((stream) => { this.#connections.add(stream); });
    if (this.#connections.isClosed) await this.#close();
    if (this.#stopping !== undefined) throw stoppedError();
  }

  async #stop(options: StopOptions): Promise<StopReport> {
    this.#connections.close();
    // a start that is under way is let finish: what it made must not stay behind; its error goes to whoever called it
    await this.#starting?.catch(() => undefined);
    const drained = this.#connections.drain(options);
    await this.#close();
    return drained;
  }

  async #close(): Promise<void> {
    if (this.#point !== undefined) this.#closing ??= Promise.resolve(this.#point.close());
    await this.#closing;
  }
}
