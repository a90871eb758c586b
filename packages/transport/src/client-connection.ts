import { acceptedText, AcommError, cutOut, decodeAcknowledgement, decodeErrorText, isAnswer, KnownText, parseJson, replyResult } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { AwaitedAnswers } from "./awaited-answers.ts";
import { leftUnread, wasReadToItsEnd } from "./connection.ts";
import type { Connection, FrameReceiver } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import type { Linked } from "./linked-list.ts";
import { createCancel } from "./outgoing-text.ts";
import { isHeldUp } from "./patient-timer.ts";
import type { MessageCarrier, OutgoingMessage } from "./transport.ts";

/** What a {@link ClientConnection} tells the peer's pool. */
export interface ClientConnectionOwner {
  /** The first acknowledgement came: the connection may be used as it announces. */
  announced(connection: ClientConnection): void;
  /** The peer has no room for another connection; the message was surely not accepted. */
  crowded(message: OutgoingMessage, error: AcommError): void;
  /** The peer takes no more here: whoever comes next may find another one at the address. */
  stopping(connection: ClientConnection): void;
  /** Nothing is on its way any more. */
  idle(connection: ClientConnection): void;
  /** What is written is taken again. */
  drained(): void;
  /** It is over; these messages were surely not accepted and may be sent again. */
  ended(connection: ClientConnection, unsent: readonly OutgoingMessage[]): void;
}

const accepted = new KnownText(acceptedText);
/** The longest acknowledgement, in characters. */
const maxAckLength = 64 * 1024;
/** In how many steps an acknowledgement is waited for; it may take one step longer than its time. */
const ackSteps = 4;

/**
 * The calling side of a connection: messages in order, their acknowledgements in the same order, and between these, where
 * the peer announced it, the answers.
 */
export class ClientConnection implements FrameReceiver, MessageCarrier, Linked<ClientConnection> {
  list: object | undefined;
  previous: ClientConnection | undefined;
  next: ClientConnection | undefined;
  /** What the peer announced; undefined until its first acknowledgement. */
  announcement: Acknowledgement | undefined;
  readonly #connection: Connection;
  readonly #owner: ClientConnectionOwner;
  readonly #doing: string;
  readonly #ackTimeoutMs: number;
  /** Whether the address has announced `keepAlive` on another connection: what it doesn't acknowledge it didn't accept. */
  readonly #knownToKeepAlive: boolean;
  readonly #isLossy: boolean;
  /** Written and not acknowledged: those that have a number by that. */
  readonly #unacked = new Fifo<OutgoingMessage | number>();
  /** How many of these were written before the write that is being gathered, which has the number `#write`. */
  #writtenBefore = 0;
  #write = 0;
  readonly #answers = new AwaitedAnswers();
  /** Whether the peer has announced that it answers on this connection. */
  #repliesHere = false;
  /** The last one that was sent, where it is acknowledged. */
  #lastSent: OutgoingMessage | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #acksSeen = 0;
  /** How many steps of the timer have passed without an acknowledgement, while one was awaited. */
  #quietSteps = 0;
  #keepsProcess = true;
  #isRetired = false;
  #stopError: AcommError | undefined;

  constructor(connection: Connection, owner: ClientConnectionOwner, options: { readonly doing: string; readonly ackTimeoutMs: number; readonly knownToKeepAlive: boolean; readonly isLossy: boolean }) {
    this.#connection = connection;
    this.#owner = owner;
    this.#doing = options.doing;
    this.#ackTimeoutMs = options.ackTimeoutMs;
    this.#knownToKeepAlive = options.knownToKeepAlive;
    this.#isLossy = options.isLossy;
    connection.receive(this);
  }

  get isBlocked(): boolean {
    return this.#connection.isBlocked;
  }

  get isIdle(): boolean {
    return this.#unacked.size === 0 && this.#answers.size === 0;
  }

  /** Writes a message; false where it can't be written and has failed. */
  send(message: OutgoingMessage): boolean {
    const wasQuiet = this.#unacked.size === 0;
    const { writes } = this.#connection;
    if (writes !== this.#write && !this.#connection.hasFailedAtOnce) {
      this.#write = writes;
      this.#writtenBefore = this.#unacked.size;
    }
    const answers = this.#answers;
    const number = this.#repliesHere && message.encodeFrame !== undefined ? answers.nextNumber() : 0;
    try {
      const text = (number > 0 ? message.encodeFrame?.(answers.frames, number) : undefined) ?? message.encode(undefined);
      if (number > 0) answers.addNumbered(message, number);
      else if (message.takesReply) answers.add(message);
      this.#connection.setUnderWay(answers.size);
      try {
        this.#connection.enqueue(text, number);
      } catch (error) {
        answers.delete(message);
        throw error;
      }
    } catch (error) {
      message.failed(error as AcommError);
      return false;
    }
    if (!this.#keepsProcess) this.#setRef(true);
    message.carrier = this;
    this.#unacked.push(number === 0 ? message : number);
    if (wasQuiet) this.#quietSteps = this.#ackTimer === undefined ? 0 : -1; // the step under way is not whole
    this.#ackTimer ??= this.#armAckTimer();
    return true;
  }

  forget(message: OutgoingMessage): void {
    if (!this.#answers.delete(message)) return;
    if (message.isCancelled === true && this.announcement?.cancel === true) this.send(createCancel(message.id));
    if (this.isIdle) this.#onIdle();
  }

  /** Takes no more messages and closes once nothing is on its way. */
  retire(): void {
    this.#isRetired = true;
    if (this.isIdle) this.#connection.destroy();
  }

  /** Closes at once; what is on its way fails with `error`. */
  stop(error: AcommError): void {
    this.#stopError = error;
    this.#connection.destroy(error);
  }

  frame(text: string, start: number, end: number): void {
    try {
      if (end - start === accepted.text.length && this.announcement !== undefined && accepted.standsAt(text, start)) {
        this.#accept(this.#nextUnacked());
        return;
      }
      if (this.#repliesHere && this.#takeReply(text, start, end)) return;
      const whole = cutOut(text, start, end);
      if (this.#repliesHere && isAnswer(whole)) this.#onAnswer(whole);
      else if (whole.length > maxAckLength) throw new AcommError("bad_frame", `${this.#doing}: what the peer wrote in place of an acknowledgement has ${whole.length} characters, the limit is ${maxAckLength}`);
      else this.#onAcknowledgement(decodeAcknowledgement(whole));
    } catch (error) {
      this.unreadable(error as AcommError);
    }
  }

  unreadable(error: AcommError): void {
    this.#connection.destroy(error);
  }

  turnEnded(): void {
    if (this.isIdle && !this.#connection.isClosed) this.#onIdle();
  }

  drained(): void {
    this.#owner.drained();
  }

  inputEnded(): void {
    this.#connection.destroy(); // all acknowledgements are read, and what is not written yet would not be taken
  }

  closed(error: AcommError | undefined): void {
    clearTimeout(this.#ackTimer);
    const unacked = this.#unacked.drain().map((entry) => this.#messageOf(entry));
    const awaited = this.#answers.drain();
    const hasLeft = error === undefined || error.code === "unavailable";
    const unsent: OutgoingMessage[] = [];
    for (const [index, message] of unacked.entries()) {
      if (message !== undefined) awaited.delete(message);
      if (message === undefined || message.isSettled) continue;
      if (this.#stopError !== undefined) message.failed(this.#stopError);
      else if (error?.code === "timeout") message.failed(new AcommError("timeout", `${this.#doing}: ${error.message}`));
      else if (!hasLeft) message.failed(new AcommError("ambiguous", `${this.#doing}: what the peer wrote is no acknowledgement: ${error.message}`, { cause: error }));
      else if (this.#isNotAccepted(index, unacked.length, error)) unsent.push(message);
      else message.failed(new AcommError("ambiguous", `${this.#doing}: the connection ended without an acknowledgement, and the message may have been accepted`, { cause: error }));
    }
    for (const message of awaited) {
      if (!message.isSettled) message.failed(this.#stopError ?? new AcommError("ambiguous", `${this.#doing}: the peer accepted the request and went away before it answered`, { cause: error }));
    }
    this.#owner.ended(this, unsent);
  }

  /** Whether the peer surely has not accepted a message that it has not acknowledged, number `index` of `count` of these. */
  #isNotAccepted(index: number, count: number, error: AcommError | undefined): boolean {
    if (this.#connection.hasFailedAtOnce && index >= this.#writtenBefore) return true;
    if (this.#isLossy) return false;
    // a write that fails ends the connection at once, and with it what was not read yet: an acknowledgement may be there
    if (!wasReadToItsEnd(error)) return index === count - 1; // not all of its bytes were taken
    return this.#knownToKeepAlive || this.announcement?.keepAlive === true || leftUnread(error);
  }

  /** The form in which our own services answer; the rest of it is JSON that the message reads. */
  #takeReply(text: string, start: number, end: number): boolean {
    const number = this.#answers.numberOfReply(text, start);
    if (number < 0) return false;
    const resultText = replyResult(text, this.#answers.idEnd(start), end);
    if (resultText === undefined) return false;
    const message = this.#answers.take(number);
    if (message === undefined) return false;
    if (message.succeeded?.(resultText) !== true) message.answered(cutOut(text, start, end));
    return true;
  }

  #onAnswer(text: string): void {
    const { id, ext } = parseJson(text) as { readonly id?: unknown; readonly ext: Readonly<Record<string, unknown>> };
    const message = typeof id === "string" ? this.#answers.find(id) : undefined;
    const progress = ext["progress"];
    if (progress !== undefined) {
      message?.progressed?.(progress);
      return;
    }
    if (message === undefined) {
      (this.#messageOf(this.#unacked.newest) ?? this.#lastSent)?.strayAnswer();
      return;
    }
    this.#answers.delete(message);
    message.answered(text);
  }

  #messageOf(entry: OutgoingMessage | number | undefined): OutgoingMessage | undefined {
    return typeof entry === "number" ? this.#answers.at(entry) : entry;
  }

  /** The next message, undefined where nobody waits for it any more. */
  #nextUnacked(): OutgoingMessage | undefined {
    const entry = this.#unacked.shift();
    if (entry === undefined) throw new AcommError("bad_frame", `${this.#doing}: the peer acknowledged more than was sent`);
    this.#acksSeen += 1;
    const message = this.#messageOf(entry);
    if (this.#unacked.size === 0 && message !== undefined) this.#lastSent = message;
    if (this.#writtenBefore > 0) this.#writtenBefore -= 1;
    return message;
  }

  #onAcknowledgement(ack: Acknowledgement): void {
    const message = this.#nextUnacked();
    const isFirst = this.announcement === undefined;
    // what one acknowledgement announced stays announced for the connection
    if (this.announcement === undefined || (ack.keepAlive && ack.reply && !this.announcement.reply)) this.announcement = ack;
    this.#repliesHere = this.announcement.reply;
    if (ack.error === "") {
      this.#accept(message);
      // given up before anybody could know that the peer can be told
      if (isFirst && message?.isCancelled === true && ack.cancel) this.send(createCancel(message.id));
    } else {
      if (message !== undefined) this.#answers.delete(message);
      const error = decodeErrorText(ack.error);
      if (isFirst && message !== undefined && !ack.keepAlive && error.code === "overloaded") {
        // it is the listener that has no room: as with a full backlog, there may be some in a moment
        this.#owner.crowded(message, error);
        return;
      }
      message?.failed(error);
      if (error.code === "stopping") {
        this.#owner.stopping(this);
        return;
      }
    }
    if (isFirst) this.#owner.announced(this);
  }

  #accept(message: OutgoingMessage | undefined): void {
    if (message?.takesReply === true && !this.#repliesHere) this.#answers.delete(message);
    message?.accepted(message.takesReply && this.#repliesHere);
  }

  #onIdle(): void {
    if (this.#isRetired || this.announcement?.keepAlive === false) {
      this.#connection.destroy();
      return;
    }
    if (this.#keepsProcess) this.#setRef(false);
    this.#owner.idle(this);
  }

  #setRef(keepsProcess: boolean): void {
    this.#keepsProcess = keepsProcess;
    this.#connection.setRef(keepsProcess);
  }

  /** One timer for all: an acknowledgement must come within its time, so at least one in each period. */
  #armAckTimer(): NodeJS.Timeout {
    const seenBefore = this.#acksSeen;
    const stepMs = Math.ceil(this.#ackTimeoutMs / ackSteps);
    const dueAt = performance.now() + stepMs;
    const timer = setTimeout(() => {
      this.#ackTimer = undefined;
      if (this.#unacked.size === 0) return;
      if (this.#acksSeen !== seenBefore) this.#quietSteps = 0;
      else if (!isHeldUp(dueAt)) this.#quietSteps += 1; // else it may be here and not be read yet
      if (this.#quietSteps >= ackSteps) this.#connection.destroy(new AcommError("timeout", `no acknowledgement within ${this.#ackTimeoutMs} ms`));
      else this.#ackTimer = this.#armAckTimer();
    }, stepMs);
    return timer.unref(); // the connection keeps the process as long as it has something on its way
  }
}
