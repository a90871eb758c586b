import { acceptedOnceText, acceptedReplyText, acceptedText, checkFrameLength, encodeRefusal } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import type { ByteBudget } from "./byte-budget.ts";
import type { FrameReceiver } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { PullReader, takenError } from "./pull-reader.ts";
import type { IncomingConnection, WaitOptions } from "./transport.ts";
import { cutError, stoppingError } from "./wait.ts";

/** How a {@link MessageConnection} talks back; `route` came with the message. Nothing of it may throw. */
export interface MessageWay {
  /** It is accepted; `answersHere`: an answer will follow, `lasts`: `settled` will say when it is done with. */
  accept(route: unknown, answersHere: boolean, lasts: boolean): void;
  /** It is refused; the text is an acknowledgement. */
  refuse(text: string, route: unknown): void;
  /** An answer, or progress. @default answers go to the response hook */
  answer?(text: string, route: unknown): void;
  /** Whether the peer takes less than is written, until `drained` is called. @default never */
  readonly isBlocked?: boolean;
  /** An accepted request is done with; false where its response found nobody and may be had again. */
  settled?(route: unknown, isDelivered: boolean): void;
  /** The connection is over, with messages that have no acknowledgement; the error where it was cut. */
  ended?(unacknowledged: readonly unknown[], error: AcommError | undefined): void;
}

/** A message and what belongs to it. */
interface Incoming {
  readonly text: string;
  readonly route: unknown;
}

/** The messages of one sender, or a single one, for a listener of {@link createMessageListener}. */
export class MessageConnection implements IncomingConnection {
  /** @internal */
  readonly carriesAnswers: boolean;
  /** @internal What is below keeps the order, and what it may have lost nobody sends again: nothing is gained by waiting. */
  readonly isFlushed = true;
  /** @internal That of the message which is being handed over. */
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

  /** @internal */
  get isBlocked(): boolean {
    return this.#way.isBlocked === true;
  }


  /** @internal */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Takes a message that came in, or refuses it. */
  push(text: string, route: unknown): void {
    if (this.#isClosed) {
      this.#refuse(stoppingError(), route);
      return;
    }
    if (this.#receiver !== undefined && !this.#isPaused && this.#waiting.size === 0) {
      this.#handOver(text, route);
      this.#receiver.turnEnded();
      return;
    }
    const refusal = this.refusal(text.length);
    if (refusal !== undefined) {
      this.#refuse(refusal, route);
      return;
    }
    this.hold(text.length);
    this.#waiting.push({ text, route });
  }

  /** Refuses a message whose text can't be had. */
  pushUnreadable(error: AcommError, route: unknown): void {
    this.#refuse(error, route);
  }

  /** The sender is gone or writes no more: what it sent is handed over, answers are not wanted. */
  end(): void {
    if (this.#isClosed) return;
    this.#receiver?.inputEnded();
    this.close();
  }

  /** The peer takes again what is written. */
  drained(): void {
    if (!this.#isClosed) this.#receiver?.drained();
  }

  /** @internal */
  refusal(bytes: number): AcommError | undefined {
    return this.#budget.refusal(bytes);
  }

  /** @internal */
  hold(bytes: number): void {
    this.#budget.add(bytes);
  }

  /** @internal */
  receive(receiver: FrameReceiver): void {
    if (this.#receiver !== undefined) throw takenError();
    this.#receiver = receiver;
    if (this.#isClosed) receiver.closed(this.#closeError);
    else this.#handOverWaiting();
  }

  /** @internal */
  read(options: WaitOptions = {}): Promise<string | undefined> {
    if (this.#receiver === undefined) {
      const reader = new PullReader(this);
      this.receive(reader);
      return reader.next(options);
    }
    if (!(this.#receiver instanceof PullReader)) throw takenError();
    return this.#receiver.next(options);
  }

  /** @internal */
  enqueueAccepted(answersHere = false, lasts: boolean = answersHere): void {
    if (this.#unacknowledged.size > 0) this.#way.accept(this.#unacknowledged.shift(), answersHere && this.carriesAnswers, lasts);
  }

  /** @internal */
  enqueueAcknowledgement(text: string): void {
    if (text === acceptedText || text === acceptedReplyText || text === acceptedOnceText) this.enqueueAccepted(text === acceptedReplyText);
    else if (this.#unacknowledged.size > 0) this.#way.refuse(text, this.#unacknowledged.shift());
  }

  /** @internal */
  enqueue(text: string, route?: unknown): void {
    if (text.length * 3 > this.#maxFrameBytes) checkFrameLength(Buffer.byteLength(text), this.#maxFrameBytes);
    if (!this.#isClosed) this.#way.answer?.(text, route);
  }

  /** @internal */
  flush(): void {
    // the way gathers what leaves in one turn, where that is of use
  }

  /** @internal */
  afterFlush(then: () => void): void {
    if (!this.#isClosed) then();
  }

  /** @internal */
  pause(): void {
    this.#isPaused = true;
  }

  /** @internal Hands over messages again after `pause`. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (!this.#isClosed) this.#handOverWaiting();
  }

  /** @internal */
  close(): void {
    this.#end(undefined);
  }

  /** @internal */
  destroy(error?: AcommError): void {
    this.#end(error ?? cutError());
  }

  /** @internal */
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
      this.#refuse(stoppingError(), route);
    }
    this.#way.ended?.(this.#unacknowledged.drain(), error);
    this.#receiver?.closed(error);
  }
}
