import { acceptedReplyText, AcommError, checkFrameLength, decodeAcknowledgement, decodeErrorText, encodeCancel, isAnswer, parseJson, replyHead, replyResult } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import type { MessageCarrier, OutgoingMessage } from "@acomm/transport";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { decodeControl, encodeControl, isNobodyThere, replyOf } from "./control.ts";
import type { Link, LinkWatcher } from "./link.ts";
import type { LongMessages } from "./long-messages.ts";
import { isNoResponders } from "./nats-error.ts";
import { requestHeaders } from "./request-headers.ts";
import { textOf } from "./text.ts";

/** What a {@link Caller} works with. */
export interface CallerInit {
  readonly link: Link;
  readonly longMessages: LongMessages;
  readonly maxFrameBytes: number;
  /** How long the receiver may take to acknowledge, in milliseconds. */
  readonly ackTimeoutMs: number;
  /** How long messages wait for a server that is gone, in milliseconds. */
  readonly reconnectTimeoutMs: number;
}

/** Everything that is sent to one subject. */
interface Lane {
  readonly subject: string;
  readonly name: string;
  /** What can't be written yet, the oldest first. */
  readonly queue: OutgoingMessage[];
  /** Since when the oldest has waited for the server. */
  waitingSince: number;
  unackedCount: number;
  unackedBytes: number;
  /** Where nobody was there who may be back in a moment: until it is looked again, nothing is written. */
  restTimer: NodeJS.Timeout | undefined;
}

/** A message that was written. */
interface Sent {
  readonly message: OutgoingMessage;
  readonly lane: Lane;
  readonly bytes: number;
  /** When it was written, or last moved. */
  sentAt: number;
  isAcked: boolean;
  /** Nobody waits for it any more; it is kept until its acknowledgement says who is to be told. */
  isForgotten: boolean;
  /** Its answer is being fetched. */
  isFetching: boolean;
  /** The way was gone since it was accepted: its answer may be lost. */
  isUncertain: boolean;
  /** The own subject of whoever has accepted it. */
  receiver: string | undefined;
}

/** How much may be written to one subject without acknowledgement: messages, and bytes. */
const windowCount = 2048;
const windowBytes = 1024 * 1024;
/** What headers and subjects may take of a payload's limit, in bytes. */
const headerBytes = 1024;
/** How often it is looked whether those are there that owe answers, in milliseconds. */
const lookEveryMs = 1000;
/** After how long another look is taken before somebody counts as gone, in milliseconds. */
const lookAgainMs = 250;
/** How long others may take to find the server again after this process has, in milliseconds. */
const othersReturnMs = 5000;
/** How many of its messages one receiver is asked about at once. */
const maxAsked = 4096;
/** The token that stands for the caller itself among those of its messages. */
export const everyMessage = "all";

const nothing = Buffer.alloc(0);

/**
 * The calling side: each message goes to the subject of its address, with a reply subject of its own, to which acknowledgement,
 * progress and answer come. Whoever accepts a message names a subject of his own, at which he is told that it is taken back, and
 * looked for as long as he owes an answer.
 */
export class Caller implements LinkWatcher, MessageCarrier {
  readonly #init: CallerInit;
  readonly #link: Link;
  readonly #prefix: string;
  readonly #idPrefix: string = crypto.randomUUID().slice(0, 24);
  readonly #lanes = new Map<string, Lane>();
  readonly #sent = new Map<number, Sent>();
  #number = 0;
  #subscribed: NatsConnection | undefined;
  #stopError: AcommError | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #lastSent: OutgoingMessage | undefined;
  readonly #lookedFor = new Set<string>();

  constructor(init: CallerInit) {
    this.#init = init;
    this.#link = init.link;
    this.#prefix = `${init.link.inbox}.r.`;
    init.link.watch(this);
  }

  /** Sends a message, now or as soon as it may be. */
  submit(subject: string, url: AcommUrl, message: OutgoingMessage): void {
    if (this.#stopError !== undefined) {
      message.failed(this.#stopError);
      return;
    }
    let lane = this.#lanes.get(subject);
    if (lane === undefined) this.#lanes.set(subject, (lane = { subject, name: `${url.protocol}//${url.host}${url.pathname}`, queue: [], waitingSince: 0, unackedCount: 0, unackedBytes: 0, restTimer: undefined }));
    if (lane.queue.length === 0 && this.#maySend(lane)) {
      this.#send(lane, message);
      return;
    }
    if (lane.queue.length === 0) lane.waitingSince = performance.now();
    lane.queue.push(message);
    if (!this.#link.isUp) this.#awaitLink();
    else if (this.#subscribed === undefined) this.#pumpAll();
  }

  /** Nobody waits for the message's answer any more. */
  forget(message: OutgoingMessage): void {
    const number = Number(message.id.slice(this.#idPrefix.length));
    const sent = this.#sent.get(number);
    if (sent?.message !== message) return;
    if (sent.isAcked || message.isCancelled !== true) {
      this.#remove(number, sent);
      if (message.isCancelled === true) this.#tellCancelled(sent);
    } else {
      sent.isForgotten = true;
    }
  }

  linkUp(): void {
    this.#pumpAll();
  }

  linkDrained(): void {
    this.#pumpAll();
  }

  /** What has no acknowledgement may be lost, or accepted all the same. What was accepted is waited for. */
  linkDown(): void {
    for (const [number, sent] of this.#sent) {
      if (sent.isAcked) {
        sent.isUncertain = true;
        continue;
      }
      this.#remove(number, sent);
      if (!sent.message.isSettled) sent.message.failed(new AcommError("ambiguous", `send to ${sent.lane.name}: the connection to the server broke off without an acknowledgement, and the message may have been accepted`));
    }
    const now = performance.now();
    for (const lane of this.#lanes.values()) lane.waitingSince = now;
    this.#armAckTimer();
  }

  /** Fails what is on its way, and tells those who owe answers that nobody wants them. */
  close(error: AcommError): void {
    if (this.#stopError !== undefined) return;
    this.#stopError = error;
    clearInterval(this.#ackTimer);
    clearInterval(this.#lookTimer);
    const receivers = new Set<string>();
    for (const [number, sent] of this.#sent) {
      this.#remove(number, sent);
      if (sent.receiver !== undefined) receivers.add(sent.receiver);
      if (!sent.message.isSettled) sent.message.failed(error);
    }
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.restTimer);
      for (const message of lane.queue.splice(0)) if (!message.isSettled) message.failed(error);
    }
    this.#lanes.clear();
    for (const receiver of receivers) this.#link.tell(receiver, nothing, { reply: this.#prefix + everyMessage, headers: encodeControl({ word: "bye" }) });
    this.#link.unwatch(this);
    this.#unsubscribe?.();
  }

  #unsubscribe: (() => void) | undefined;

  #maySend(lane: Lane): boolean {
    if (!this.#link.isUp || this.#link.isBlocked || this.#subscribed === undefined || lane.restTimer !== undefined) return false;
    return lane.unackedCount === 0 || (lane.unackedCount < windowCount && lane.unackedBytes < windowBytes);
  }

  #awaitLink(): void {
    this.#armAckTimer();
    this.#link.open().then(
      () => { this.#pumpAll(); },
      (error: unknown) => {
        const failure = this.#stopError ?? (error as AcommError);
        for (const lane of this.#lanes.values()) for (const message of lane.queue.splice(0)) if (!message.isSettled) message.failed(failure);
      },
    );
  }

  #pumpAll(): void {
    if (this.#stopError !== undefined || !this.#link.isUp || this.#lanes.size === 0) return;
    void this.#link.open().then((connection) => {
      if (this.#subscribed === connection || this.#stopError !== undefined) return;
      this.#subscribed = connection;
      const { length } = this.#prefix;
      const subscription = connection.subscribe(`${this.#prefix}*`, { callback: (error, message) => { if (error === null) this.#take(message, length); } });
      this.#unsubscribe = () => { subscription.unsubscribe(); };
    }).then(() => { for (const lane of this.#lanes.values()) this.#pump(lane); }, () => undefined);
  }

  #pump(lane: Lane): void {
    let count = 0;
    for (const message of lane.queue) {
      if (!this.#maySend(lane)) break;
      count += 1;
      if (!message.isSettled) this.#send(lane, message);
    }
    if (count > 0) lane.queue.splice(0, count);
    if (lane.queue.length === 0 && lane.unackedCount === 0) this.#lanes.delete(lane.subject);
  }

  #send(lane: Lane, message: OutgoingMessage): void {
    this.#number += 1;
    const number = this.#number;
    try {
      const text = message.encode(message.takesReply ? this.#idPrefix + String(number) : undefined);
      const payload = Buffer.from(text);
      if (payload.length > this.#init.maxFrameBytes) checkFrameLength(payload.length, this.#init.maxFrameBytes);
      const reply = this.#prefix + String(number);
      const sent: Sent = { message, lane, bytes: payload.length, sentAt: performance.now(), isAcked: false, isForgotten: false, isFetching: false, isUncertain: false, receiver: undefined };
      if (payload.length > this.#link.maxPayloadBytes - headerBytes) this.#sendLong(lane, payload, reply, number);
      else this.#link.publish(lane.subject, payload, { reply, headers: requestHeaders(message.asks) });
      message.carrier = this;
      this.#lastSent = message;
      this.#sent.set(number, sent);
      lane.unackedCount += 1;
      lane.unackedBytes += sent.bytes;
    } catch (error) {
      message.failed(error as AcommError);
      return;
    }
    if (this.#ackTimer === undefined) this.#armAckTimer();
  }

  #sendLong(lane: Lane, payload: Buffer, reply: string, number: number): void {
    void this.#init.longMessages.send(lane.subject, payload, reply).then(
      () => {
        const sent = this.#sent.get(number);
        if (sent !== undefined) sent.sentAt = performance.now(); // only now can it be acknowledged
      },
      () => undefined, // whoever was to read it is gone, or says so
    );
  }

  #take(reply: Msg, prefixLength: number): void {
    const token = reply.subject.slice(prefixLength);
    const number = Number(token);
    const sent = this.#sent.get(number);
    if (reply.data.length === 0) this.#takeWord(reply, token, number, sent);
    else if (sent === undefined) this.#takeStray(reply);
    else this.#takeText(reply.data, replyOf(reply), number, sent);
  }

  /** A word of the receiver's, or of the server. */
  #takeWord(reply: Msg, token: string, number: number, sent: Sent | undefined): void {
    if (isNobodyThere(reply)) {
      if (sent === undefined || sent.isAcked) return;
      this.#remove(number, sent);
      if (!this.#areOthersBack()) {
        this.#sendLater(sent);
        return;
      }
      if (!sent.message.isSettled) sent.message.failed(new AcommError("unavailable", `send to ${sent.lane.name}: nobody listens there`));
      this.#pump(sent.lane);
      return;
    }
    const control = decodeControl(reply);
    if (control?.word === "bye" && token === everyMessage) this.#receiverLeft(replyOf(reply));
    else if (control?.word === "alive" && replyOf(reply) !== "") this.#link.tell(replyOf(reply), nothing, { headers: encodeControl({ word: "alive" }) });
    else if (control?.word === "long" && sent !== undefined) this.#fetch(control.stream ?? "", control.bytes ?? 0, replyOf(reply), number, sent);
  }

  /** Whether those who have lost the server with this process have had the time to find it again. */
  #areOthersBack(): boolean {
    return performance.now() - this.#link.returnedAt > othersReturnMs;
  }

  /** Sends a message again in a moment, which surely nobody has got. */
  #sendLater({ lane, message, isForgotten }: Sent): void {
    if (isForgotten || message.isSettled) return;
    lane.queue.unshift(message);
    this.#lanes.set(lane.subject, lane);
    lane.restTimer ??= setTimeout(() => {
      lane.restTimer = undefined;
      this.#pump(lane);
    }, lookAgainMs);
  }

  #fetch(subject: string, bytes: number, receiver: string, number: number, sent: Sent): void {
    sent.isFetching = true;
    this.#acknowledged(sent, receiver);
    this.#init.longMessages.fetch(subject, bytes).then(
      (data) => {
        sent.isFetching = false;
        if (this.#sent.get(number) === sent) this.#takeText(data, receiver, number, sent);
      },
      (error: unknown) => {
        if (this.#sent.get(number) !== sent) return;
        this.#remove(number, sent);
        if (!sent.message.isSettled) sent.message.failed(new AcommError("ambiguous", `send to ${sent.lane.name}: the answer did not come whole: ${(error as AcommError).message}`, { cause: error }));
      },
    );
  }

  #takeText(data: Uint8Array, receiver: string, number: number, sent: Sent): void {
    const { message } = sent;
    try {
      const text = textOf(data);
      if (text === acceptedReplyText) {
        this.#onAccepted(number, sent, receiver);
        return;
      }
      const idEnd = replyHead.length + message.id.length;
      const resultText = message.takesReply && text.startsWith(replyHead) && text.slice(replyHead.length, idEnd) === message.id ? replyResult(text, idEnd, text.length) : undefined;
      if (resultText !== undefined) {
        this.#answered(number, sent, receiver);
        if (message.isSettled) return;
        if (message.succeeded?.(resultText) !== true) message.answered(text);
      } else if (message.takesReply && isAnswer(text)) {
        this.#takeAnswer(text, number, sent, receiver);
      } else {
        const { error } = decodeAcknowledgement(text);
        if (error === "") {
          this.#onAccepted(number, sent, receiver);
        } else {
          this.#remove(number, sent);
          if (!message.isSettled) message.failed(decodeErrorText(error));
          this.#pump(sent.lane);
        }
      }
    } catch (cause) {
      this.#remove(number, sent);
      if (!message.isSettled) message.failed(new AcommError("ambiguous", `send to ${sent.lane.name}: what came back is no acknowledgement: ${(cause as Error).message}`, { cause }));
    }
  }

  #takeAnswer(text: string, number: number, sent: Sent, receiver: string): void {
    const { message } = sent;
    const { ext } = parseJson(text) as { readonly ext: Readonly<Record<string, unknown>> };
    const progress = ext["progress"];
    if (progress !== undefined) {
      this.#onAccepted(number, sent, receiver);
      message.progressed?.(progress);
      return;
    }
    this.#answered(number, sent, receiver);
    if (!message.isSettled) message.answered(text);
  }

  #takeStray(reply: Msg): void {
    try {
      if (isAnswer(textOf(reply.data))) this.#lastSent?.strayAnswer();
    } catch {
      // what can't be read answers nothing
    }
  }

  /** An answer is an acknowledgement as well. */
  #answered(number: number, sent: Sent, receiver: string): void {
    const { message, lane } = sent;
    if (!sent.isAcked && !message.isSettled) message.accepted(true);
    this.#acknowledged(sent, receiver);
    this.#remove(number, sent);
    message.carrier = undefined;
    if (lane.queue.length > 0) this.#pump(lane);
  }

  #onAccepted(number: number, sent: Sent, receiver: string): void {
    if (sent.isAcked) return;
    const { message } = sent;
    this.#acknowledged(sent, receiver);
    if (sent.isForgotten) {
      this.#remove(number, sent);
      this.#tellCancelled(sent);
    } else if (message.takesReply) {
      this.#armLookTimer();
    } else {
      this.#remove(number, sent);
    }
    if (!message.isSettled) message.accepted(message.takesReply);
    if (sent.lane.queue.length > 0) this.#pump(sent.lane);
  }

  #acknowledged(sent: Sent, receiver: string): void {
    if (receiver !== "") sent.receiver = receiver;
    if (sent.isAcked) return;
    sent.isAcked = true;
    sent.lane.unackedCount -= 1;
    sent.lane.unackedBytes -= sent.bytes;
  }

  #remove(number: number, sent: Sent): void {
    if (!this.#sent.delete(number)) return;
    if (!sent.isAcked) {
      sent.lane.unackedCount -= 1;
      sent.lane.unackedBytes -= sent.bytes;
    }
  }

  #tellCancelled({ message, receiver }: Sent): void {
    if (receiver !== undefined) this.#link.tell(receiver, Buffer.from(encodeCancel(message.id)), { reply: this.#prefix + everyMessage });
  }

  /** Whoever has accepted messages will not answer them any more. */
  #receiverLeft(receiver: string): void {
    for (const [number, sent] of this.#sent) {
      if (sent.receiver !== receiver || sent.isFetching) continue;
      this.#remove(number, sent);
      if (!sent.message.isSettled) sent.message.failed(new AcommError("ambiguous", `send to ${sent.lane.name}: the receiver accepted the request and went away before it answered`));
    }
  }

  /** One timer for all: what has no acknowledgement in time, and what waits too long for the server. */
  #armAckTimer(): void {
    const { ackTimeoutMs, reconnectTimeoutMs } = this.#init;
    this.#ackTimer ??= setInterval(() => {
      const now = performance.now();
      let isIdle = true;
      for (const [number, sent] of this.#sent) {
        if (sent.isAcked) continue;
        isIdle = false;
        if (now - sent.sentAt < ackTimeoutMs) continue;
        this.#remove(number, sent);
        if (!sent.message.isSettled) sent.message.failed(new AcommError("timeout", `send to ${sent.lane.name}: no acknowledgement within ${ackTimeoutMs} ms`));
        this.#pump(sent.lane);
      }
      for (const lane of this.#lanes.values()) {
        if (lane.queue.length === 0) continue;
        isIdle = false;
        if (this.#link.isUp || now - lane.waitingSince < reconnectTimeoutMs) continue;
        for (const message of lane.queue.splice(0)) if (!message.isSettled) message.failed(new AcommError("unavailable", `send to ${lane.name}: no connection to the server for ${reconnectTimeoutMs} ms`));
      }
      if (!isIdle) return;
      clearInterval(this.#ackTimer);
      this.#ackTimer = undefined;
    }, Math.ceil(Math.min(ackTimeoutMs, reconnectTimeoutMs, 1000) / 4)).unref();
  }

  /** Looks now and then whether those are there that owe answers: a broker doesn't tell. */
  #armLookTimer(): void {
    this.#lookTimer ??= setInterval(() => {
      const receivers = new Set<string>();
      for (const { receiver, isFetching } of this.#sent.values()) if (receiver !== undefined && !isFetching) receivers.add(receiver);
      for (const receiver of receivers) if (!this.#lookedFor.has(receiver)) void this.#lookFor(receiver);
      if (receivers.size > 0) return;
      clearInterval(this.#lookTimer);
      this.#lookTimer = undefined;
    }, lookEveryMs).unref();
  }

  async #lookFor(receiver: string): Promise<void> {
    this.#lookedFor.add(receiver);
    try {
      for (let misses = 0; this.#link.isUp && (await this.#isMissing(receiver)); misses += 1) {
        if (misses > 0 && this.#areOthersBack()) {
          this.#receiverLeft(receiver);
          return;
        }
        await new Promise((resolve) => { setTimeout(resolve, lookAgainMs).unref(); });
      }
      await this.#askWhich(receiver);
    } finally {
      this.#lookedFor.delete(receiver);
    }
  }

  /** Asks one who is there which of the answers he still owes that may have been lost with the way. */
  async #askWhich(receiver: string): Promise<void> {
    const uncertain = [...this.#sent].filter(([, sent]) => sent.isUncertain && sent.receiver === receiver && !sent.isFetching).slice(0, maxAsked);
    if (uncertain.length === 0 || !this.#link.isUp) return;
    let owed: Set<string>;
    try {
      const connection = await this.#link.open();
      const reply = await connection.request(receiver, uncertain.map(([number]) => this.#prefix + String(number)).join("\n"), { timeout: lookEveryMs, headers: encodeControl({ word: "which" }) });
      owed = new Set(textOf(reply.data).split("\n"));
    } catch {
      return; // it is asked again at the next look
    }
    // what it has answered since then has come before this
    for (const [number, sent] of uncertain) {
      sent.isUncertain = false;
      if (owed.has(this.#prefix + String(number)) || this.#sent.get(number) !== sent) continue;
      this.#remove(number, sent);
      if (!sent.message.isSettled) sent.message.failed(new AcommError("ambiguous", `send to ${sent.lane.name}: the request was accepted, and its answer is lost with the connection to the server`));
    }
  }

  async #isMissing(receiver: string): Promise<boolean> {
    try {
      const connection = await this.#link.open();
      await connection.request(receiver, nothing, { timeout: lookEveryMs, headers: encodeControl({ word: "alive" }) });
      return false;
    } catch (error) {
      return isNoResponders(error); // silence is none: it may be busy
    }
  }
}
