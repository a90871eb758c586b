import { AcommError, decodeAcknowledgement, decodeErrorText, isAnswer } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import { leftUnread } from "./connection.ts";
import type { Connection, FrameReceiver } from "./connection.ts";
import type { MessageCarrier, OutgoingMessage } from "./transport.ts";

/** What a {@link ClientConnection} tells the peer's pool. */
export interface ClientConnectionOwner {
  /** The first acknowledgement came: the connection may be used as it announces. */
  announced(connection: ClientConnection): void;
  /** Nothing is on its way any more. */
  idle(connection: ClientConnection): void;
  /** What is written is taken again. */
  drained(): void;
  /** It is over; these messages were surely not accepted and may be sent again. */
  ended(connection: ClientConnection, unsent: readonly OutgoingMessage[]): void;
}

/**
 * The calling side of a connection: messages in order, their acknowledgements in the same order, and between these, where
 * the peer announced it, the answers.
 */
export class ClientConnection implements FrameReceiver, MessageCarrier {
  /** What the peer announced; undefined until its first acknowledgement. */
  announcement: Acknowledgement | undefined;
  readonly #connection: Connection;
  readonly #owner: ClientConnectionOwner;
  readonly #doing: string;
  readonly #ackTimeoutMs: number;
  /** Whether the address has announced `keepAlive` on another connection: what it doesn't acknowledge it didn't accept. */
  readonly #knownToKeepAlive: boolean;
  /** Written and not acknowledged, in order; `#firstUnacked` is where it begins. */
  #unacked: OutgoingMessage[] = [];
  #firstUnacked = 0;
  readonly #awaited = new Map<string, OutgoingMessage>();
  #lastSent: OutgoingMessage | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #acksSeen = 0;
  #isRetired = false;
  #stopError: AcommError | undefined;

  constructor(connection: Connection, owner: ClientConnectionOwner, options: { readonly doing: string; readonly ackTimeoutMs: number; readonly knownToKeepAlive: boolean }) {
    this.#connection = connection;
    this.#owner = owner;
    this.#doing = options.doing;
    this.#ackTimeoutMs = options.ackTimeoutMs;
    this.#knownToKeepAlive = options.knownToKeepAlive;
    connection.receive(this);
  }

  /** Whether messages may be written one after the other. */
  get isPipelined(): boolean {
    return this.announcement?.keepAlive === true && !this.#isRetired;
  }

  get isBlocked(): boolean {
    return this.#connection.isBlocked;
  }

  get isIdle(): boolean {
    return this.#unacked.length === this.#firstUnacked && this.#awaited.size === 0;
  }

  send(message: OutgoingMessage): void {
    try {
      const text = message.encode(message.takesReply && this.announcement?.reply === true);
      this.#connection.enqueue(text);
    } catch (error) {
      message.failed(error as AcommError);
      return;
    }
    if (this.isIdle) this.#connection.setRef(true);
    message.carrier = this;
    this.#lastSent = message;
    this.#unacked.push(message);
    if (message.takesReply) this.#awaited.set(message.id, message);
    this.#ackTimer ??= setTimeout(() => { this.#checkAck(this.#acksSeen); }, this.#ackTimeoutMs);
  }

  forget(message: OutgoingMessage): void {
    if (this.#awaited.delete(message.id) && this.isIdle) this.#onIdle();
  }

  /** Takes no more messages and closes once nothing is on its way. */
  retire(): void {
    this.#isRetired = true;
    if (this.isIdle) this.#connection.close();
  }

  setRef(keepsAlive: boolean): void {
    this.#connection.setRef(keepsAlive);
  }

  /** Closes at once; what is on its way fails with `error`. */
  stop(error: AcommError): void {
    this.#stopError = error;
    this.#connection.destroy(error);
  }

  frame(text: string): void {
    try {
      if (this.announcement?.reply === true && isAnswer(text)) this.#onAnswer(text);
      else this.#onAcknowledgement(decodeAcknowledgement(text));
    } catch (error) {
      this.#connection.destroy(error as AcommError);
    }
  }

  unreadable(error: AcommError): void {
    this.#connection.destroy(error);
  }

  turnEnded(): void {
    if (this.isIdle) this.#onIdle();
  }

  drained(): void {
    this.#owner.drained();
  }

  inputEnded(): void {
    this.#connection.close();
  }

  closed(error: AcommError | undefined): void {
    clearTimeout(this.#ackTimer);
    const unacked = this.#unacked.slice(this.#firstUnacked);
    const awaited = new Set(this.#awaited.values());
    this.#unacked = [];
    this.#awaited.clear();
    const unsent: OutgoingMessage[] = [];
    for (const message of unacked) {
      awaited.delete(message);
      if (message.isSettled) continue;
      if (this.#stopError !== undefined) message.failed(this.#stopError);
      else if (error?.code === "timeout" || error?.code.startsWith("bad_") === true) message.failed(new AcommError(error.code, `${this.#doing}: ${error.message}`));
      else if (this.#knownToKeepAlive || this.announcement?.keepAlive === true || leftUnread(error)) unsent.push(message);
      else message.failed(new AcommError("ambiguous", `${this.#doing}: the peer read the message and ended the connection without an acknowledgement`, { cause: error }));
    }
    for (const message of awaited) {
      if (!message.isSettled) message.failed(this.#stopError ?? new AcommError("ambiguous", `${this.#doing}: the peer accepted the request and went away before it answered`, { cause: error }));
    }
    this.#owner.ended(this, unsent);
  }

  #onAnswer(text: string): void {
    const id = answeredId(text);
    const message = id === undefined ? undefined : this.#awaited.get(id);
    if (message === undefined) {
      this.#lastSent?.strayAnswer();
      return;
    }
    this.#awaited.delete(message.id);
    message.answered(text);
  }

  #onAcknowledgement(ack: Acknowledgement): void {
    const message = this.#unacked[this.#firstUnacked];
    if (message === undefined) throw new AcommError("bad_frame", `${this.#doing}: the peer acknowledged more than was sent`);
    this.#acksSeen += 1;
    this.#firstUnacked += 1;
    if (this.#firstUnacked === this.#unacked.length) {
      this.#unacked = [];
      this.#firstUnacked = 0;
    } else if (this.#firstUnacked > 1024 && this.#firstUnacked * 2 > this.#unacked.length) {
      this.#unacked = this.#unacked.slice(this.#firstUnacked);
      this.#firstUnacked = 0;
    }
    const isFirst = this.announcement === undefined;
    // what one acknowledgement announced stays announced for the connection
    if (this.announcement === undefined || (ack.keepAlive && ack.reply && !this.announcement.reply)) this.announcement = ack;
    const answersHere = message.takesReply && this.announcement.reply;
    if (ack.error !== "") {
      this.#awaited.delete(message.id);
      message.failed(decodeErrorText(ack.error));
    } else {
      if (!answersHere && message.takesReply) this.#awaited.delete(message.id);
      message.accepted(answersHere);
    }
    if (isFirst) this.#owner.announced(this);
  }

  #onIdle(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (this.#isRetired || this.announcement?.keepAlive === false) this.#connection.close();
    else {
      this.#connection.setRef(false);
      this.#owner.idle(this);
    }
  }

  /** One timer for all: an acknowledgement must come within its time, so at least one in each period. */
  #checkAck(seenBefore: number): void {
    this.#ackTimer = undefined;
    if (this.#unacked.length === this.#firstUnacked) return;
    if (this.#acksSeen === seenBefore) {
      this.#connection.destroy(new AcommError("timeout", `no acknowledgement within ${this.#ackTimeoutMs} ms`));
      return;
    }
    this.#ackTimer = setTimeout(() => { this.#checkAck(this.#acksSeen); }, this.#ackTimeoutMs);
  }
}

/** The id of an answer, without reading the rest where our own services wrote it. */
function answeredId(text: string): string | undefined {
  const common = '{"error":"","id":"';
  if (text.startsWith(common)) return text.slice(common.length, text.indexOf('"', common.length));
  const id = (JSON.parse(text) as { readonly id?: unknown }).id;
  return typeof id === "string" ? id : undefined;
}
