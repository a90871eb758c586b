import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { ClientConnection } from "./client-connection.ts";
import type { ClientConnectionOwner } from "./client-connection.ts";
import type { Connection } from "./connection.ts";
import { translateNodeError } from "./node-error.ts";
import type { OutgoingMessage } from "./transport.ts";

/** The limits of a pool; all have defaults. */
export interface PoolOptions {
  /** How long a connect may take, retries for a full backlog included, in milliseconds. @default 2000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the receiver may take to acknowledge, in milliseconds. @default 5000 */
  readonly ackTimeoutMs?: number | undefined;
  /** After how long an unused connection is closed, in milliseconds. @default 30 000 */
  readonly idleTimeoutMs?: number | undefined;
  /** Connections at once towards a peer that closes after each message. @default 64 */
  readonly maxDials?: number | undefined;
}

/** How many connections find out at once what a peer is like. */
const probesOfUnknown = 4;
/** How often a message is written to connections that end without acknowledging it. */
const maxAttempts = 3;

/**
 * Everything that one address is sent: one kept connection where the peer takes more than one message on it, and a bounded
 * number of connections, one for each message, where it doesn't.
 */
export class Peer implements ClientConnectionOwner {
  readonly #url: AcommUrl;
  readonly #connect: (url: AcommUrl, signal: AbortSignal) => Promise<Connection>;
  readonly #options: Required<{ [Key in keyof PoolOptions]: number }>;
  readonly #onUnused: () => void;
  readonly #closing = new AbortController();
  readonly #connections = new Set<ClientConnection>();
  #queue: OutgoingMessage[] = [];
  #first = 0;
  #primary: ClientConnection | undefined;
  #dialing = 0;
  #keepsAlive: boolean | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #idleSince = 0;

  constructor(url: AcommUrl, connect: (url: AcommUrl, signal: AbortSignal) => Promise<Connection>, options: Required<{ [Key in keyof PoolOptions]: number }>, onUnused: () => void) {
    this.#url = url;
    this.#connect = connect;
    this.#options = options;
    this.#onUnused = onUnused;
  }

  submit(message: OutgoingMessage): void {
    const primary = this.#primary;
    if (primary !== undefined && this.#queue.length === 0 && !primary.isBlocked) {
      primary.send(message);
      return;
    }
    this.#queue.push(message);
    this.#pump();
  }

  /** Closes every connection; what is on its way fails with `error`. */
  stop(error: AcommError): void {
    this.#closing.abort(error);
    clearTimeout(this.#idleTimer);
    this.#failQueue(error);
    for (const connection of this.#connections) connection.stop(error);
  }

  announced(connection: ClientConnection): void {
    this.#keepsAlive = connection.announcement?.keepAlive === true;
    if (!this.#keepsAlive) return; // it closes when it is idle, and the next message gets a new one
    if (this.#primary === undefined) {
      this.#primary = connection;
      this.#pump();
    } else {
      connection.retire();
    }
  }

  idle(): void {
    this.#idleSince = performance.now();
    this.#idleTimer ??= this.#armIdleTimer(this.#options.idleTimeoutMs);
  }

  drained(): void {
    this.#pump();
  }

  ended(connection: ClientConnection, unsent: readonly OutgoingMessage[]): void {
    this.#connections.delete(connection);
    if (this.#primary === connection) this.#primary = undefined;
    const again = unsent.filter((message) => {
      message.attempts += 1;
      if (message.attempts < maxAttempts) return true;
      message.failed(new AcommError("unavailable", `send to ${this.#url.href}: the peer ended ${maxAttempts} connections without taking the message`));
      return false;
    });
    this.#queue = [...again, ...this.#queue.slice(this.#first)];
    this.#first = 0;
    this.#pump();
    this.#checkUnused();
  }

  #pump(): void {
    const primary = this.#primary;
    if (primary !== undefined) {
      while (!primary.isBlocked) {
        const message = this.#shift();
        if (message === undefined) return;
        primary.send(message);
      }
      return;
    }
    const most = this.#keepsAlive === undefined ? probesOfUnknown : this.#keepsAlive ? 1 : this.#options.maxDials;
    let waiting = this.#waiting();
    // a connection that has not been acknowledged on is busy with its one message
    while (this.#dialing < waiting && this.#dialing + this.#connections.size < most) {
      waiting = this.#waiting();
      void this.#dial();
    }
  }

  async #dial(): Promise<void> {
    this.#dialing += 1;
    let connection: Connection;
    try {
      connection = await this.#connectInTime();
    } catch (error) {
      this.#dialing -= 1;
      // the same waits for the others; those that another connection works for are not concerned
      if (this.#primary === undefined) this.#failQueue(error as AcommError);
      this.#checkUnused();
      return;
    }
    this.#dialing -= 1;
    const client = new ClientConnection(connection, this, {
      doing: `send to ${this.#url.href}`,
      ackTimeoutMs: this.#options.ackTimeoutMs,
      knownToKeepAlive: this.#keepsAlive === true,
    });
    this.#connections.add(client);
    const message = this.#primary === undefined ? this.#shift() : undefined;
    if (message === undefined) client.retire();
    else client.send(message);
    this.#pump();
  }

  /** Connects; a full backlog answers at once, so it is asked again after a random while. */
  async #connectInTime(): Promise<Connection> {
    const { connectTimeoutMs } = this.#options;
    const doing = `connect to ${this.#url.href}`;
    const until = performance.now() + connectTimeoutMs;
    const timeout = new AbortController();
    const timer = setTimeout(() => { timeout.abort(); }, connectTimeoutMs);
    const signal = AbortSignal.any([timeout.signal, this.#closing.signal]);
    try {
      for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
        try {
          return await this.#connect(this.#url, signal);
        } catch (error) {
          if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
          if (timeout.signal.aborted) throw new AcommError("timeout", `${doing}: no connection within ${connectTimeoutMs} ms`, { cause: error });
          const translated = translateNodeError(error, doing);
          const waitMs = pauseMs * (0.5 + Math.random());
          if (translated.code !== "overloaded" || performance.now() + waitMs > until) throw translated;
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes the next message that somebody still waits for. */
  #shift(): OutgoingMessage | undefined {
    while (this.#first < this.#queue.length) {
      const message = this.#queue[this.#first];
      this.#first += 1;
      if (this.#first === this.#queue.length) {
        this.#queue = [];
        this.#first = 0;
      }
      if (message?.isSettled === false) return message;
    }
    return undefined;
  }

  #waiting(): number {
    return this.#queue.length - this.#first;
  }

  #failQueue(error: AcommError): void {
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) message.failed(error);
  }

  #armIdleTimer(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#idleTimer = undefined;
      const leftMs = this.#idleSince + this.#options.idleTimeoutMs - performance.now();
      if (this.#primary?.isIdle !== true) return;
      if (leftMs > 1) this.#idleTimer = this.#armIdleTimer(leftMs);
      else this.#retirePrimary();
    }, ms);
    return timer.unref();
  }

  #retirePrimary(): void {
    const primary = this.#primary;
    this.#primary = undefined;
    primary?.retire();
  }

  #checkUnused(): void {
    if (this.#connections.size > 0 || this.#dialing > 0 || this.#waiting() > 0) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#onUnused();
  }
}
