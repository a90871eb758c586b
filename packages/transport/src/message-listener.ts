import { defaultMaxFrameBytes } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { ByteBudget } from "./byte-budget.ts";
import { MessageConnection } from "./message-connection.ts";
import type { MessageWay } from "./message-connection.ts";
import type { ListeningPoint } from "./stream-listener.ts";
import type { Listener, StopOptions, StopReport } from "./transport.ts";
import { checkCount, checkGraceMs, checkStarted, cutError, stoppedError } from "./wait.ts";
import { withinGrace } from "./within-grace.ts";

/** The limits of a listener for messages. */
export interface MessageListenerOptions {
  /** The longest message; whoever carries them refuses longer ones. @default 16 MiB */
  readonly maxFrameBytes?: number | undefined;
  /** Held for all senders: messages that wait, requests under way. More is refused as `overloaded`. @default 64 MiB */
  readonly maxBufferedBytes?: number | undefined;
}

/** What {@link createMessageListener} takes. */
export interface MessageListenerInit extends MessageListenerOptions {
  /** Calls `open` for everyone who sends, and gives the messages to what that returns; after the end they are refused. */
  readonly listen: (open: (way: MessageWay) => MessageConnection) => Promise<ListeningPoint>;
  /** Where it is known before the start. @default what `listen` says */
  readonly url?: AcommUrl | undefined;
}

/** A listener over what carries messages, such as a broker's subjects. Handing out, limits and the graceful stop come with it. */
export function createMessageListener(init: MessageListenerInit): Listener {
  return new MessageListener(init);
}

class MessageListener implements Listener {
  readonly #init: MessageListenerInit;
  readonly #maxFrameBytes: number;
  readonly #budget: ByteBudget;
  readonly #open = new Set<MessageConnection>();
  readonly #waiting: MessageConnection[] = [];
  readonly #takers: ((connection: MessageConnection | undefined) => void)[] = [];
  #point: ListeningPoint | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;
  #isClosed = false;
  #onEmpty: (() => void) | undefined;

  constructor(init: MessageListenerInit) {
    this.#init = init;
    this.#maxFrameBytes = checkCount(init.maxFrameBytes ?? defaultMaxFrameBytes, "maxFrameBytes");
    this.#budget = new ByteBudget(checkCount(init.maxBufferedBytes ?? 64 * 1024 * 1024, "maxBufferedBytes"));
  }

  get url(): AcommUrl {
    return checkStarted(this.#init.url ?? this.#point?.url);
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(stoppedError());
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  nextConnection(): Promise<MessageConnection | undefined> {
    const connection = this.#waiting.shift();
    if (connection !== undefined || this.#isClosed) return Promise.resolve(connection);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  doneConnection(connection: MessageConnection): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #add(way: MessageWay): MessageConnection {
    const connection = new MessageConnection(way, this.#budget, this.#maxFrameBytes);
    if (this.#isClosed) {
      connection.close();
      return connection;
    }
    this.#open.add(connection);
    const taker = this.#takers.shift();
    if (taker === undefined) this.#waiting.push(connection);
    else taker(connection);
    return connection;
  }

  async #start(): Promise<void> {
    this.#point = await this.#init.listen((way) => this.#add(way));
    if (this.#stopping !== undefined) throw stoppedError();
  }

  async #stop(graceMs: number): Promise<StopReport> {
    this.#isClosed = true;
    for (const taker of this.#takers.splice(0)) taker(undefined);
    await this.#starting?.catch(() => undefined); // what it made must not stay behind; its error goes to whoever called it
    const closed = this.#point?.close();
    for (const connection of this.#waiting.splice(0)) this.doneConnection(connection);
    if (this.#open.size > 0 && graceMs > 0) {
      await withinGrace(graceMs, (over) => { this.#onEmpty = over; });
    }
    const cutConnections = this.#open.size;
    for (const connection of this.#open) connection.destroy(cutError());
    this.#open.clear();
    await closed;
    return { cut: [], cutConnections };
  }
}
