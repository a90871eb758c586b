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

  get isBlocked(): boolean {
    return this.#connection.isBlocked;
  }

  get isIdle(): boolean {
    return this.#unacked.length === this.#firstUnacked && this.#awaited.size === 0;
  }

  /** Writes a message; false where it can't be written and has failed. */
  send(message: OutgoingMessage): boolean {
    try {
      const text = message.encode(message.takesReply && this.announcement?.reply === true);
      if (message.takesReply && this.#awaited.has(message.id)) throw new AcommError("duplicate_id", `${this.#doing}: a request with the id ${JSON.stringify(message.id)} waits for its answer on this connection`);
      this.#connection.enqueue(text);
    } catch (error) {
      message.failed(error as AcommError);
      return false;
    }
    if (this.isIdle) this.#connection.setRef(true);
    message.carrier = this;
    this.#lastSent = message;
    this.#unacked.push(message);
    if (message.takesReply) this.#awaited.set(message.id, message);
    this.#ackTimer ??= this.#armAckTimer();
    return true;
  }

  forget(message: OutgoingMessage): void {
    if (this.#awaited.get(message.id) !== message) return;
    this.#awaited.delete(message.id);
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

  frame(text: string): void {
    try {
      if (this.announcement?.reply === true && isAnswer(text)) this.#onAnswer(text);
      else this.#onAcknowledgement(decodeAcknowledgement(text));
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
    const unacked = this.#unacked.slice(this.#firstUnacked);
    const awaited = new Set(this.#awaited.values());
    this.#unacked = [];
    this.#awaited.clear();
    const hasLeft = error === undefined || error.code === "unavailable";
    const unsent: OutgoingMessage[] = [];
    for (const message of unacked) {
      awaited.delete(message);
      if (message.isSettled) continue;
      if (this.#stopError !== undefined) message.failed(this.#stopError);
      else if (error?.code === "timeout") message.failed(new AcommError("timeout", `${this.#doing}: ${error.message}`));
      else if (!hasLeft) message.failed(new AcommError("ambiguous", `${this.#doing}: what the peer wrote is no acknowledgement: ${error.message}`, { cause: error }));
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
    if (this.#isRetired || this.announcement?.keepAlive === false) this.#connection.destroy();
    else {
      this.#connection.setRef(false);
      this.#owner.idle(this);
    }
  }

  /** One timer for all: an acknowledgement must come within its time, so at least one in each period. */
  #armAckTimer(): NodeJS.Timeout {
    const seenBefore = this.#acksSeen;
    return setTimeout(() => {
      this.#ackTimer = undefined;
      if (this.#unacked.length === this.#firstUnacked) return;
      if (this.#acksSeen === seenBefore) this.#connection.destroy(new AcommError("timeout", `no acknowledgement within ${this.#ackTimeoutMs} ms`));
      else this.#ackTimer = this.#armAckTimer();
    }, this.#ackTimeoutMs);
  }
}

/** The id of an answer, without reading the rest where our own services wrote it. */
function answeredId(text: string): string | undefined {
  const common = '{"error":"","id":"';
  if (text.startsWith(common)) return text.slice(common.length, text.indexOf('"', common.length));
  const id = (JSON.parse(text) as { readonly id?: unknown }).id;
  return typeof id === "string" ? id : undefined;
}
