import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { ClientConnection } from "./client-connection.ts";
import type { ClientConnectionOwner } from "./client-connection.ts";
import type { Connection } from "./connection.ts";
import { nameOf } from "./name-of.ts";
import { translateNodeError } from "./node-error.ts";
import { PatientTimer } from "./patient-timer.ts";
import { Fifo } from "./fifo.ts";
import { LinkedList } from "./linked-list.ts";
import type { Linked } from "./linked-list.ts";
import type { OutgoingMessage } from "./transport.ts";

/** The limits of a pool. */
export interface PoolOptions {
  /** How long a connect may take, with retries for a full backlog. @default 2000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the receiver may take to acknowledge. @default 5000 */
  readonly ackTimeoutMs?: number | undefined;
  /** After how long an unused connection is closed. @default 30 000 */
  readonly idleTimeoutMs?: number | undefined;
  /** Connections at once to a peer that closes after each message. @default 32 */
  readonly maxDials?: number | undefined;
}

/** The limits with their defaults filled in, and what is known of the way to the peer. */
export type PeerOptions = Required<{ [Key in keyof PoolOptions]: number }> & { readonly isLossy: boolean };

/** How many connections find out at once what a peer is like. */
const probesOfUnknown = 4;
/** In how many steps an unused connection's time passes; it may live one step longer. */
const idleSteps = 4;
/** How long a peer without room is left alone at first, in milliseconds. */
const firstPauseMs = 2;
/** How often a message is written to connections that end without acknowledging it. */
const maxAttempts = 3;

/**
 * Everything that one address is sent: one kept connection where the peer takes more than one message on it, and a bounded
 * number of connections, one for each message, where it doesn't.
 */
export class Peer implements ClientConnectionOwner {
  readonly #url: AcommUrl;
  readonly #connect: (url: AcommUrl, signal: AbortSignal) => Promise<Connection>;
  readonly #options: PeerOptions;
  readonly #onUnused: () => void;
  /** What ends the connects that are under way. */
  readonly #dials = new LinkedList<Dial>();
  #stopError: AcommError | undefined;
  readonly #connections = new LinkedList<ClientConnection>();
  #queue: Fifo<OutgoingMessage> = new Fifo<OutgoingMessage>();
  #primary: ClientConnection | undefined;
  #dialing = 0;
  /** Since when the peer has had no room for a connection; while the timer runs it is left alone. */
  #crowdedSince: number | undefined;
  #crowdedTimer: NodeJS.Timeout | undefined;
  #crowdedPauseMs = firstPauseMs;
  #keepsAlive: boolean | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Whether anything was sent since the timer last looked, and how often it found nothing. */
  #isUsed = false;
  #unusedSteps = 0;

  constructor(url: AcommUrl, connect: (url: AcommUrl, signal: AbortSignal) => Promise<Connection>, options: PeerOptions, onUnused: () => void) {
    this.#url = url;
    this.#connect = connect;
    this.#options = options;
    this.#onUnused = onUnused;
  }

  submit(message: OutgoingMessage): void {
    const primary = this.#primary;
    this.#isUsed = true;
    if (primary !== undefined && this.#queue.size === 0 && !primary.isBlocked) {
      primary.send(message);
      return;
    }
    this.#queue.push(message);
    this.#pump();
  }

  /** Closes every connection; what is on its way fails with `error`. */
  stop(error: AcommError): void {
    this.#stopError = error;
    for (const dial of this.#dials.values()) dial.limit.abort(error);
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#crowdedTimer);
    this.#failQueue(error);
    for (const connection of this.#connections.values()) connection.stop(error);
  }

  crowded(message: OutgoingMessage, error: AcommError): void {
    const now = performance.now();
    this.#crowdedSince ??= now;
    const waitMs = this.#crowdedPauseMs * (0.5 + Math.random());
    if (now + waitMs > this.#crowdedSince + this.#options.connectTimeoutMs) {
      this.#crowdedSince = undefined;
      message.failed(error);
      this.#failQueue(error);
      return;
    }
    this.#putFirst([message]);
    if (this.#crowdedTimer !== undefined) return;
    this.#crowdedPauseMs = nextPauseMs(this.#crowdedPauseMs);
    this.#crowdedTimer = setTimeout(() => {
      this.#crowdedTimer = undefined;
      this.#pump();
      this.#checkUnused(); // those who waited may have left
    }, waitMs);
  }

  announced(connection: ClientConnection): void {
    this.#crowdedSince = undefined;
    this.#crowdedPauseMs = firstPauseMs;
    this.#keepsAlive = connection.announcement?.keepAlive === true;
    if (!this.#keepsAlive) return; // it closes when it is idle, and the next message gets a new one
    if (this.#primary === undefined) {
      this.#primary = connection;
      this.#pump();
    } else {
      connection.retire();
    }
  }

  stopping(connection: ClientConnection): void {
    if (this.#primary === connection) this.#primary = undefined;
    connection.retire();
  }

  idle(): void {
    if (this.#idleTimer !== undefined) return;
    this.#unusedSteps = 0;
    this.#isUsed = false;
    this.#idleTimer = this.#armIdleTimer();
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
      message.failed(new AcommError("unavailable", `send to ${nameOf(this.#url)}: the peer ended ${maxAttempts} connections without taking the message`));
      return false;
    });
    if (again.length > 0) this.#putFirst(again);
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
    if (this.#crowdedTimer !== undefined) return;
    const most = this.#keepsAlive === undefined ? probesOfUnknown : this.#keepsAlive ? 1 : this.#options.maxDials;
    if (this.#dialing >= this.#queue.size) return;
    const busy = this.#busyCount();
    while (this.#dialing < this.#queue.size && this.#dialing + busy < most) void this.#dial();
  }

  /** The connections that are busy with one message; one that keeps alive and is retired may wait long for an answer. */
  #busyCount(): number {
    let busy = 0;
    for (let connection = this.#connections.first; connection !== undefined; connection = connection.next) {
      if (connection.announcement?.keepAlive !== true) busy += 1;
    }
    return busy;
  }

  async #dial(): Promise<void> {
    this.#dialing += 1;
    let connection: Connection;
    try {
      connection = await this.#connectInTime();
      if (connection.isClosed) throw new AcommError("unavailable", `send to ${nameOf(this.#url)}: the connection ended at once`);
    } catch (error) {
      this.#dialing -= 1;
      this.#dialFailed(error as AcommError);
      return;
    }
    this.#dialing -= 1;
    if (this.#stopError !== undefined) {
      connection.destroy();
      return;
    }
    const client = new ClientConnection(connection, this, {
      doing: `send to ${nameOf(this.#url)}`,
      ackTimeoutMs: this.#options.ackTimeoutMs,
      knownToKeepAlive: this.#keepsAlive === true,
      isLossy: this.#options.isLossy,
    });
    this.#connections.add(client);
    let message: OutgoingMessage | undefined;
    do message = this.#primary === undefined ? this.#shift() : undefined;
    while (message !== undefined && !client.send(message));
    if (message === undefined) client.retire();
    this.#pump();
  }

  /** Each dial is for one message. Where it was the last hope, what happened to it happened to all that wait. */
  #dialFailed(error: AcommError): void {
    if (this.#primary !== undefined) return;
    if (this.#dialing + this.#busyCount() === 0) this.#failQueue(error);
    else this.#shift()?.failed(error);
    this.#pump();
    this.#checkUnused();
  }

  /** Connects; a full backlog answers at once, so it is asked again after a random while. */
  async #connectInTime(): Promise<Connection> {
    const { connectTimeoutMs } = this.#options;
    const doing = `connect to ${nameOf(this.#url)}`;
    const until = performance.now() + connectTimeoutMs;
    const dial = new Dial();
    this.#dials.add(dial);
    const timer = new PatientTimer(connectTimeoutMs, () => {
      dial.isLate = true;
      dial.limit.abort();
    });
    try {
      for (let pauseMs = firstPauseMs; ; pauseMs = nextPauseMs(pauseMs)) {
        try {
          return await this.#connect(this.#url, dial.limit.signal);
        } catch (error) {
          if (this.#stopError !== undefined) throw this.#stopError;
          if (dial.isLate) throw dial.fullBacklog ?? new AcommError("timeout", `${doing}: no connection within ${connectTimeoutMs} ms`, { cause: error });
          const translated = translateNodeError(error, doing);
          const waitMs = pauseMs * (0.5 + Math.random());
          if (translated.code !== "overloaded" || performance.now() + waitMs > until) throw translated;
          dial.fullBacklog = translated;
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        }
      }
    } finally {
      timer.clear();
      this.#dials.delete(dial);
    }
  }

  /** Takes the next message that somebody still waits for. */
  #shift(): OutgoingMessage | undefined {
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      if (!message.isSettled) return message;
    }
    return undefined;
  }

  #putFirst(messages: readonly OutgoingMessage[]): void {
    const queue = this.#queue;
    this.#queue = new Fifo();
    for (const message of [...messages, ...queue.drain()]) this.#queue.push(message);
  }

  #failQueue(error: AcommError): void {
    for (let message = this.#shift(); message !== undefined; message = this.#shift()) message.failed(error);
  }

  #armIdleTimer(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#primary?.isIdle !== true) return; // it is looked at again once it is idle
      this.#unusedSteps = this.#isUsed ? 0 : this.#unusedSteps + 1;
      this.#isUsed = false;
      if (this.#unusedSteps < idleSteps) this.#idleTimer = this.#armIdleTimer();
      else this.#retirePrimary();
    }, Math.ceil(this.#options.idleTimeoutMs / idleSteps));
    return timer.unref();
  }

  #retirePrimary(): void {
    const primary = this.#primary;
    this.#primary = undefined;
    primary?.retire();
  }

  #checkUnused(): void {
    if (this.#connections.size > 0 || this.#dialing > 0 || this.#queue.size > 0) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#onUnused();
  }
}

/** A connect that is under way. */
class Dial implements Linked<Dial> {
  list: object | undefined;
  previous: Dial | undefined;
  next: Dial | undefined;
  /** What ends it. */
  readonly limit = new AbortController();
  isLate = false;
  fullBacklog: AcommError | undefined;
}

function nextPauseMs(pauseMs: number): number {
  return Math.min(pauseMs * 1.5, 100);
}
