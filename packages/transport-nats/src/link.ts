import { AcommError } from "@acomm/protocol";
import { connect, createInbox } from "@nats-io/transport-node";
import type { MsgHdrs, NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { translateNatsError } from "./nats-error.ts";

/** What a {@link Link} works with. */
export interface LinkInit {
  /** `host:port`, as it stands in URLs. */
  readonly authority: string;
  /** For the client library. */
  readonly connection: NodeConnectionOptions;
  readonly connectTimeoutMs: number;
}

/** Hears of the way to the server. */
export interface LinkWatcher {
  /** It is there, for the first time or again. */
  linkUp?(): void;
  /** It is gone: what was on its way may be lost. The library looks for it by itself. */
  linkDown?(): void;
  /** What was published is with the server, after `isBlocked` was true. */
  linkDrained?(): void;
}

/** After how many published bytes the server is asked whether it has them. */
const confirmBytes = 256 * 1024;
/** How many bytes may be published that the server has not confirmed, before whoever can wait should. */
const blockedBytes = 4 * 1024 * 1024;
/** How long the last words may take to leave, in milliseconds. */
const farewellMs = 1000;

/**
 * The one connection of a network to its server, opened when somebody first needs it and closed when nobody does any more.
 */
export class Link {
  readonly authority: string;
  /** The beginning of every subject that is this process's own. */
  readonly inbox: string;
  /** When the way came back last, on the clock of `performance.now()`; minus infinity where it was never gone. */
  returnedAt: number = Number.NEGATIVE_INFINITY;
  readonly #init: LinkInit;
  readonly #watchers = new Set<LinkWatcher>();
  #connection: NatsConnection | undefined;
  #connecting: Promise<NatsConnection> | undefined;
  #isUp = false;
  #holders = 0;
  #unconfirmedBytes = 0;
  #sinceConfirmed = 0;
  #closing: Promise<void> = Promise.resolve();

  constructor(init: LinkInit) {
    this.#init = init;
    this.authority = init.authority;
    const { inboxPrefix } = init.connection;
    this.inbox = createInbox(inboxPrefix);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isBlocked(): boolean {
    return this.#unconfirmedBytes > blockedBytes;
  }

  /** The longest payload that the server takes, headers included, in bytes. */
  get maxPayloadBytes(): number {
    return this.#connection?.info?.max_payload ?? 0;
  }

  watch(watcher: LinkWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: LinkWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** Keeps the connection open until {@link release}. */
  hold(): void {
    this.#holders += 1;
  }

  release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders === 0) this.#closing = this.#close();
    return this.#closing;
  }

  /** The connection; while the way is gone it is there all the same. @throws `unavailable` where there is no server */
  open(): Promise<NatsConnection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#connect().finally(() => { this.#connecting = undefined; });
    return this.#connecting;
  }

  /** Sends to a subject. @throws `unavailable` where the way is gone, and what the library says of what is given */
  publish(subject: string, payload: Uint8Array, options?: { readonly reply?: string; readonly headers?: MsgHdrs | undefined }): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#isUp) throw new AcommError("unavailable", `no connection to nats://${this.authority}`);
    const { reply, headers } = options ?? {};
    try {
      connection.publish(subject, payload, { ...(reply === undefined ? undefined : { reply }), ...(headers === undefined ? undefined : { headers }) });
    } catch (error) {
      throw translateNatsError(error, "publish");
    }
    this.#count(payload.length, connection);
  }

  /** The same for what nobody waits for: where the way is gone it is dropped. */
  tell(subject: string, payload: Uint8Array, options?: { readonly reply?: string; readonly headers?: MsgHdrs | undefined }): void {
    try {
      this.publish(subject, payload, options);
    } catch {
      // whoever is to hear it hears of the way as well
    }
  }

  /** The server has everything that was published before. @throws `unavailable` */
  async flush(): Promise<void> {
    const connection = await this.open();
    try {
      await connection.flush();
    } catch (error) {
      throw translateNatsError(error, `reach nats://${this.authority}`);
    }
  }

  #count(bytes: number, connection: NatsConnection): void {
    this.#unconfirmedBytes += bytes;
    this.#sinceConfirmed += bytes;
    if (this.#sinceConfirmed < confirmBytes) return;
    const confirmed = this.#sinceConfirmed;
    this.#sinceConfirmed = 0;
    connection.flush().then(
      () => {
        const wasBlocked = this.isBlocked;
        this.#unconfirmedBytes = Math.max(this.#unconfirmedBytes - confirmed, 0);
        if (wasBlocked && this.#unconfirmedBytes <= blockedBytes) for (const watcher of [...this.#watchers]) watcher.linkDrained?.();
      },
      () => undefined, // the way is gone, which is told by the status
    );
  }

  async #connect(): Promise<NatsConnection> {
    await this.#closing;
    const { connection: options, connectTimeoutMs, authority } = this.#init;
    let connection: NatsConnection;
    try {
      connection = await connect({
        servers: authority,
        timeout: connectTimeoutMs,
        pingInterval: 10_000,
        reconnectTimeWait: 100,
        reconnectJitter: 100,
        noAsyncTraces: true,
        ...options,
        // whoever waits decides how long: the connection itself never gives up
        reconnect: true,
        maxReconnectAttempts: -1,
        waitOnFirstConnect: false,
        ignoreAuthErrorAbort: true,
      });
    } catch (error) {
      throw translateNatsError(error, `connect to nats://${authority}`);
    }
    this.#connection = connection;
    void this.#follow(connection);
    this.#setUp();
    if (this.#holders === 0) {
      await this.#close();
      throw new AcommError("stopping", "the network is closed: it sends no more", { retryable: false });
    }
    return connection;
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (this.#connection !== connection) return;
      if (type === "disconnect") this.#setDown();
      else if (type === "reconnect") this.#setUp(performance.now());
    }
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#setDown();
  }

  #setUp(returnedAt = this.returnedAt): void {
    this.#isUp = true;
    this.returnedAt = returnedAt;
    for (const watcher of [...this.#watchers]) watcher.linkUp?.();
  }

  #setDown(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#unconfirmedBytes = this.#sinceConfirmed = 0;
    for (const watcher of [...this.#watchers]) watcher.linkDown?.();
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    if (this.#isUp) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([connection.flush().catch(() => undefined), new Promise((resolve) => (timer = setTimeout(resolve, farewellMs)))]);
      clearTimeout(timer);
    }
    this.#isUp = false;
    await connection.close();
  }
}
