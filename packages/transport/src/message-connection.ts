import { acceptedOnceText, acceptedReplyText, acceptedText, AcommError, checkFrameLength, encodeRefusal } from "@acomm/protocol";
import type { ByteBudget } from "./byte-budget.ts";
import type { FrameReceiver } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { PullReader } from "./pull-reader.ts";
import type { IncomingConnection, WaitOptions } from "./transport.ts";

/** How a {@link MessageConnection} talks back. `route` is what was given with the message that is meant. Nothing of it may throw. */
export interface MessageWay {
  /** The message is accepted; `answersHere` where an answer to it will follow, `lasts` where `settled` will say when it is done with. */
  accept(route: unknown, answersHere: boolean, lasts: boolean): void;
  /** It is refused; the text is an acknowledgement. */
  refuse(text: string, route: unknown): void;
  /** An answer, or progress. @default it carries acknowledgements only, answers go to the response hook */
  answer?(text: string, route: unknown): void;
  /** Whether the peer takes less than is written; `drained` of the connection is to be called when it is over. @default never */
  readonly isBlocked?: boolean;
  /** A request that was accepted is done with; false where its response could not be delivered and may be had again. */
  settled?(route: unknown, isDelivered: boolean): void;
  /** The connection is over, with messages that were handed over and have no acknowledgement; the error where it was cut. */
  ended?(unacknowledged: readonly unknown[], error: AcommError | undefined): void;
}

/** A message and what belongs to it. */
interface Incoming {
  readonly text: string;
  readonly route: unknown;
}

/**
 * An incoming connection over something that carries messages and knows no byte streams: the messages of one sender, or a
 * single one. A listener made by `createMessageListener` opens them.
 */
export class MessageConnection implements IncomingConnection {
  readonly carriesAnswers: boolean;
  /** What is below keeps the order, and what it may have lost nobody sends again: nothing is gained by waiting. */
  readonly isFlushed = true;
  /** That of the message which is being handed over. */
  route: unknown;
  readonly #way: MessageWay;
  readonly #budget: ByteBudget;
  readonly #maxFrameBytes: number;
  /** Those that nobody has taken yet. */
  readonly #waiting = new Fifo<Incoming>();
  /** The routes of those that were handed over and have no acknowledgement. */
  readonly #unacknowledged = new Fifo<unknown>();
  #receiver: FrameReceiver | undefined;
  #isPaused = false;
  #isClosed = false;
  #closeError: AcommError | undefined;
  #usedAt = 0;

  /** @internal */
  constructor(way: MessageWay, budget: ByteBudget, maxFrameBytes: number) {
    this.#way = way;
    this.#budget = budget;
    this.#maxFrameBytes = maxFrameBytes;
    this.carriesAnswers = way.answer !== undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get closeError(): AcommError | undefined {
    return this.#closeError;
  }

  get isBlocked(): boolean {
    return this.#way.isBlocked === true;
  }


  get usedAt(): number {
    return this.#usedAt;
  }

  /** Takes a message that came in. What can't be taken is refused. */
  push(text: string, route: unknown): void {
    if (this.#isClosed) {
      this.#refuse(new AcommError("stopping", "the receiver is stopping: send it elsewhere"), route);
      return;
    }
    if (this.#receiver !== undefined && !this.#isPaused && this.#waiting.size === 0) {
      this.#handOver(text, route);
      this.#receiver.turnEnded();
      return;
    }
    if (!this.hasRoomFor(text.length)) {
      this.#refuse(new AcommError("overloaded", "the listener holds as many bytes of messages as it may: send it again later, or raise maxBufferedBytes"), route);
      return;
    }
    this.hold(text.length);
    this.#waiting.push({ text, route });
  }

  /** Says what is wrong with a message whose text can't be had. */
  pushUnreadable(error: AcommError, route: unknown): void {
    this.#refuse(error, route);
  }

  /** The peer is gone, or writes no more: what it sent before is handed over, and what would be answered to it is not wanted. */
  end(): void {
    if (this.#isClosed) return;
    this.#receiver?.inputEnded();
    this.close();
  }

  /** The peer takes again what is written. */
  drained(): void {
    if (!this.#isClosed) this.#receiver?.drained();
  }

  hasRoomFor(bytes: number): boolean {
    return this.#budget.hasRoomFor(bytes);
  }

  hold(bytes: number): void {
    this.#budget.add(bytes);
  }

  receive(receiver: FrameReceiver): void {
    if (this.#receiver !== undefined) throw new AcommError("bad_field", "the connection has a receiver already: either read() or receive(), once");
    this.#receiver = receiver;
    if (this.#isClosed) receiver.closed(this.#closeError);
    else this.#handOverWaiting();
  }

  read(options: WaitOptions = {}): Promise<string | undefined> {
    if (this.#receiver === undefined) {
      const reader = new PullReader(this);
      this.receive(reader);
      return reader.next(options);
    }
    if (!(this.#receiver instanceof PullReader)) throw new AcommError("bad_field", "the connection has a receiver: messages go to it, not to read()");
    return this.#receiver.next(options);
  }

  enqueueAccepted(answersHere = false, lasts: boolean = answersHere): void {
    if (this.#unacknowledged.size > 0) this.#way.accept(this.#unacknowledged.shift(), answersHere && this.carriesAnswers, lasts);
  }

  enqueueAcknowledgement(text: string): void {
    if (text === acceptedText || text === acceptedReplyText || text === acceptedOnceText) this.enqueueAccepted(text === acceptedReplyText);
    else if (this.#unacknowledged.size > 0) this.#way.refuse(text, this.#unacknowledged.shift());
  }

  enqueue(text: string, route?: unknown): void {
    if (text.length * 3 > this.#maxFrameBytes) checkFrameLength(Buffer.byteLength(text), this.#maxFrameBytes);
    if (!this.#isClosed) this.#way.answer?.(text, route);
  }

  flush(): void {
    // the way gathers what leaves in one turn, where that is of use
  }

  afterFlush(then: () => void): void {
    if (!this.#isClosed) then();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Hands over messages again after `pause`. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (!this.#isClosed) this.#handOverWaiting();
  }

  close(): void {
    this.#end(undefined);
  }

  destroy(error?: AcommError): void {
    this.#end(error ?? new AcommError("stopping", "the receiver has cut the connection"));
  }

  settled(route: unknown, isDelivered: boolean): void {
    this.#way.settled?.(route, isDelivered);
  }

  #handOver(text: string, route: unknown): void {
    this.#usedAt = performance.now();
    this.#unacknowledged.push(route);
    this.route = route;
    this.#receiver?.frame(text, 0, text.length);
    this.route = undefined;
  }

  #handOverWaiting(): void {
    while (!this.#isPaused && this.#receiver !== undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.hold(-next.text.length);
      this.#handOver(next.text, next.route);
      this.#receiver.turnEnded();
    }
  }

  #refuse(error: AcommError, route: unknown): void {
    this.#way.refuse(encodeRefusal(error, { keepAlive: true }), route);
  }

  #end(error: AcommError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeError ??= error;
    for (const { text, route } of this.#waiting.drain()) {
      this.hold(-text.length);
      this.#refuse(new AcommError("stopping", "the receiver is stopping: send it elsewhere"), route);
    }
    this.#way.ended?.(this.#unacknowledged.drain(), error);
    this.#receiver?.closed(error);
  }
}
