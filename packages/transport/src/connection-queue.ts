import { AcommError, encodeRefusal } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { ByteBudget } from "./byte-budget.ts";
import { checkConnectionOptions, Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { defaultMaxConnections } from "./descriptors.ts";
import { LinkedList } from "./linked-list.ts";
import type { StopOptions, StopReport } from "./transport.ts";
import { checkCount, checkGraceMs, cutError, stoppingError } from "./wait.ts";
import { withinGrace } from "./within-grace.ts";

/** The limits of a listener. */
export interface ListenerOptions extends ConnectionOptions {
  /** After how many connections it stops accepting; 0: never. @default 0 */
  readonly acceptLimit?: number | undefined;
  /**
   * Open connections. One more replaces one that was always silent, or the one unused for longest, 250 ms at least; else it is
   * refused as `overloaded`.
   * @default 1024, at most a quarter of the file descriptors
   */
  readonly maxConnections?: number | undefined;
  /** Held for all peers: incomplete frames, requests under way, answers not taken yet. More is refused as `overloaded`. @default 64 MiB */
  readonly maxBufferedBytes?: number | undefined;
}

/** How long a connection may be silent, or unused, before it has to make room for another one, in milliseconds. */
const silenceMs = 250;
/** How long nobody is looked for after nobody was found, in milliseconds: a flood must not cost a search for each of its connections. */
const lookAgainMs = 5;

/** How many connections at least may be on their way out at once. */
const leastClosing = 32;

/** The connections of a listener between their arrival and their end: those that wait to be taken, and those handed out. */
export class ConnectionQueue {
  readonly #options: ListenerOptions;
  readonly #acceptLimit: number;
  readonly #maxConnections: number;
  readonly #budget: ByteBudget;
  readonly #onLimit: () => void;
  readonly #open = new LinkedList<Connection>();
  /** Done, and not over yet. */
  readonly #closing = new LinkedList<Connection>();
  readonly #waiting: Connection[] = [];
  readonly #takers: ((connection: Connection | undefined) => void)[] = [];
  #accepted = 0;
  #busyUntil = 0;
  #isClosed = false;
  #onEmpty: (() => void) | undefined;

  /** @param onLimit called when the accept limit is reached */
  constructor(options: ListenerOptions, onLimit: () => void) {
    this.#options = options;
    this.#acceptLimit = checkCount(Math.max(options.acceptLimit ?? 0, 0), "acceptLimit", 0);
    this.#maxConnections = checkCount(options.maxConnections ?? defaultMaxConnections(), "maxConnections");
    this.#budget = new ByteBudget(checkCount(options.maxBufferedBytes ?? 64 * 1024 * 1024, "maxBufferedBytes"));
    checkConnectionOptions(options);
    this.#onLimit = onLimit;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes a byte stream that has just connected. */
  add(stream: Duplex): void {
    const connection = new Connection(stream, this.#options, this.#budget);
    const isFull = !this.#isClosed && this.#open.size >= this.#maxConnections && !this.#makeRoom();
    if (this.#isClosed || isFull) {
      const error = this.#isClosed
        ? stoppingError()
        : new AcommError("overloaded", `the listener has its ${this.#maxConnections} connections: keep one open instead of many, or raise maxConnections`);
      this.#refuse(connection, error);
      return;
    }
    this.#open.add(connection);
    this.#accepted += 1;
    const taker = this.#takers.shift();
    if (taker === undefined) this.#waiting.push(connection);
    else taker(connection);
    if (this.#accepted === this.#acceptLimit) {
      this.close();
      this.#onLimit();
    }
  }

  /** The next connection, undefined once it is closed and all were taken. */
  next(): Promise<Connection | undefined> {
    const connection = this.#waiting.shift();
    if (connection !== undefined || this.#isClosed) return Promise.resolve(connection);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#close(connection);
    this.#checkEmpty();
  }

  /** Takes no more connections; those who wait for one get undefined. */
  close(): void {
    this.#isClosed = true;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  /** Waits until every connection is done, then cuts what is left. @throws `bad_field` */
  async drain(options: StopOptions): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    for (const connection of this.#waiting.splice(0)) {
      this.#open.delete(connection);
      this.#refuse(connection, stoppingError());
    }
    if (this.#open.size + this.#closing.size > 0 && graceMs > 0) {
      await withinGrace(graceMs, (over) => { this.#onEmpty = over; });
    }
    const cutConnections = this.#open.size;
    for (const connection of [...this.#open.values(), ...this.#closing.values()]) {
      this.#open.delete(connection);
      connection.destroy(cutError());
    }
    return { cut: [], cutConnections };
  }

  /** Ends a connection that is of no use now; false where there is none. */
  #makeRoom(): boolean {
    const now = performance.now();
    if (now < this.#busyUntil) return false;
    let unused: Connection | undefined;
    for (let connection = this.#open.first; connection !== undefined; connection = connection.next) {
      if (connection.silentMs > silenceMs) {
        unused = connection;
        break;
      }
      if (connection.isIdle && connection.usedAt < (unused?.usedAt ?? now - silenceMs)) unused = connection;
    }
    if (unused === undefined) {
      this.#busyUntil = now + lookAgainMs;
      return false;
    }
    unused.makeRoom(new AcommError("overloaded", `the listener has its ${this.#maxConnections} connections, and this one said nothing: connect when there is a message to send`));
    this.done(unused);
    return true;
  }

  #refuse(connection: Connection, error: AcommError): void {
    connection.enqueueAcknowledgement(encodeRefusal(error, { keepAlive: false }));
    this.#close(connection);
  }

  #close(connection: Connection): void {
    connection.close();
    if (connection.isClosed) return;
    const oldest = this.#closing.first;
    if (oldest !== undefined && this.#closing.size >= Math.max(this.#maxConnections, leastClosing)) {
      oldest.destroy(); // it has had the longest time to read its last word
      this.#closing.delete(oldest); // its close comes in a later turn, and others may come before
    }
    this.#closing.add(connection);
    connection.stream.once("close", () => {
      this.#closing.delete(connection);
      this.#checkEmpty();
    });
  }

  #checkEmpty(): void {
    if (this.#open.size + this.#closing.size === 0) this.#onEmpty?.();
  }
}
