import { AcommError, encodeRefusal } from "@acomm/protocol";
import { createMessageListener } from "@acomm/transport";
import type { Listener, MessageConnection, MessageListenerOptions, MessageWay } from "@acomm/transport";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { decodeControl, encodeControl, replyOf } from "./control.ts";
import type { Link, LinkWatcher } from "./link.ts";
import type { LongMessages } from "./long-messages.ts";
import { Sender } from "./sender.ts";
import type { Route } from "./sender.ts";
import { urlOf } from "./subjects.ts";
import { textOf } from "./text.ts";

/** What {@link createListener} works with. */
export interface ListenerInit extends MessageListenerOptions {
  readonly link: Link;
  readonly longMessages: LongMessages;
  readonly subject: string;
  readonly queueGroup: string;
  readonly maxFrameBytes: number;
}

/** How often it is looked whether those are there who wait for answers, in milliseconds. */
const lookEveryMs = 1000;
/** After how long one who sends nothing is forgotten, in milliseconds. */
const forgetAfterMs = 30_000;

const nothing = Buffer.alloc(0);
let listenerCount = 0;

/** A listener at a subject; those of one queue group share what comes. */
export function createListener(init: ListenerInit): Listener {
  return createMessageListener({
    ...init,
    url: urlOf(init.link.authority, { subject: init.subject, isDurable: false }),
    async listen(open) {
      const desk = new Desk(init, open);
      await desk.start();
      return { url: urlOf(init.link.authority, { subject: init.subject, isDurable: false }), close: () => desk.stop() };
    },
  });
}

/** What stands behind the listener: gives each message to the connection of its sender. */
class Desk implements LinkWatcher {
  readonly #init: ListenerInit;
  readonly #open: (way: MessageWay) => MessageConnection;
  readonly #senders = new Map<string, Sender>();
  readonly #ownSubject: string;
  #subscriptions: Subscription[] = [];
  /** Those accepted in this turn. */
  #unacknowledged: [Sender, Route][] = [];
  #lookTimer: NodeJS.Timeout | undefined;
  #lastKey = "";
  #lastSender: Sender | undefined;

  constructor(init: ListenerInit, open: (way: MessageWay) => MessageConnection) {
    this.#init = init;
    this.#open = open;
    listenerCount += 1;
    this.#ownSubject = `${init.link.inbox}.l.${listenerCount}`;
  }

  async start(): Promise<void> {
    const { link, subject, queueGroup } = this.#init;
    link.hold();
    try {
      const connection = await link.open();
      this.#subscribe(connection, subject, queueGroup);
      link.watch(this);
      await link.flush(); // from now on it is reached
    } catch (error) {
      link.unwatch(this);
      void link.release();
      throw error;
    }
    this.#lookTimer = setInterval(() => { this.#look(); }, lookEveryMs).unref();
  }

  /** Takes no more from the subject; answers go on. Resolves when all of them have left. */
  async stop(): Promise<void> {
    const [requests, own] = this.#subscriptions;
    const { link } = this.#init;
    if (link.isUp) await requests?.drain().catch(() => undefined); // what the server has sent before still comes, and is refused
    else requests?.unsubscribe();
    await this.#allEnded();
    this.#acknowledgeNow();
    clearInterval(this.#lookTimer);
    own?.unsubscribe();
    link.unwatch(this);
    await link.release();
  }

  linkUp(): void {
    for (const sender of this.#senders.values()) sender.linkUp();
  }

  linkDown(): void {
    for (const sender of this.#senders.values()) sender.linkDown();
  }

  linkDrained(): void {
    for (const sender of this.#senders.values()) sender.connection.drained();
  }

  #subscribe(connection: NatsConnection, subject: string, queueGroup: string): void {
    this.#subscriptions = [
      connection.subscribe(subject, { queue: queueGroup, callback: (error, message) => { if (error === null) this.#take(message); } }),
      connection.subscribe(this.#ownSubject, { callback: (error, message) => { if (error === null) this.#takeOwn(message); } }),
    ];
  }

  /** A message that came to the subject. */
  #take(message: Msg): void {
    const reply = replyOf(message);
    if (message.data.length === 0) {
      this.#takeWord(message, reply);
      return;
    }
    const route: Route = { reply, isAcknowledged: false };
    this.#push(message.data, route);
  }

  #takeWord(message: Msg, reply: string): void {
    const control = decodeControl(message);
    const { link, longMessages } = this.#init;
    if (control?.word === "alive") link.tell(reply, nothing, { headers: encodeControl({ word: "alive" }) });
    else if (control?.word === "open") link.tell(reply, nothing, { headers: encodeControl({ word: "none" }) });
    else if (control?.word === "long") {
      const route: Route = { reply, isAcknowledged: false };
      longMessages.fetch(control.stream ?? "", control.bytes ?? 0).then(
        (data) => { this.#push(data, route); },
        (error: unknown) => { this.#refuse(error, route); },
      );
    } else {
      this.#refuse(new AcommError("bad_frame", "the message is empty"), { reply, isAcknowledged: false });
    }
  }

  /** What those say who have sent something. */
  #takeOwn(message: Msg): void {
    const reply = replyOf(message);
    const word = decodeControl(message)?.word;
    if (word === "which") this.#tellOwed(textOf(message.data).split("\n"), reply);
    else if (message.data.length > 0) this.#push(message.data, { reply, isAcknowledged: false });
    else if (word === "alive" && reply !== "") this.#init.link.tell(reply, nothing, { headers: encodeControl({ word: "alive" }) });
    else if (word === "bye") this.#senders.get(keyOf(reply))?.left();
  }

  /** Says which of those messages it is still to answer. */
  #tellOwed(asked: readonly string[], reply: string): void {
    const owed = this.#senders.get(keyOf(asked[0] ?? ""))?.owed() ?? new Set();
    this.#init.link.tell(reply, Buffer.from(asked.filter((route) => owed.has(route)).join("\n")));
  }

  #push(data: Uint8Array, route: Route): void {
    try {
      if (data.length > this.#init.maxFrameBytes) throw new AcommError("frame_too_large", `the message has ${data.length} bytes, the limit is ${this.#init.maxFrameBytes}: send the data as a stream`);
      const text = textOf(data);
      const sender = this.#senderOf(keyOf(route.reply));
      sender.usedAt = performance.now();
      sender.connection.push(text, route);
    } catch (error) {
      this.#refuse(error, route);
    }
  }

  #refuse(error: unknown, { reply }: Route): void {
    if (reply !== "") this.#init.link.tell(reply, Buffer.from(encodeRefusal(error, { keepAlive: true })), { reply: this.#ownSubject });
  }

  #senderOf(key: string): Sender {
    if (key === this.#lastKey && this.#lastSender !== undefined) return this.#lastSender;
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      const { link, longMessages } = this.#init;
      const made = new Sender({
        link,
        longMessages,
        ownSubject: this.#ownSubject,
        key,
        acknowledgeLater: (route) => { this.#acknowledgeLater(made, route); },
        acknowledgeNow: () => { this.#acknowledgeNow(); },
        onEnded: () => { this.#ended(key, made); },
      });
      this.#senders.set(key, made);
      made.connection = this.#open(made);
      sender = made;
    }
    this.#lastKey = key;
    this.#lastSender = sender;
    return sender;
  }

  #ended(key: string, sender: Sender): void {
    if (this.#lastSender === sender) this.#lastSender = undefined;
    if (this.#senders.get(key) === sender) this.#senders.delete(key);
    for (const work of sender.underWay) this.#leaving.add(work.finally(() => this.#leaving.delete(work)));
    if (this.#senders.size === 0) this.#onEmpty?.();
  }

  readonly #leaving = new Set<Promise<void>>();
  #onEmpty: (() => void) | undefined;

  async #allEnded(): Promise<void> {
    if (this.#senders.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    await Promise.allSettled(this.#leaving);
  }

  /** An answer that comes in the same turn says it as well, and one message less is sent. */
  #acknowledgeLater(sender: Sender, route: Route): void {
    if (this.#unacknowledged.length === 0) setImmediate(() => { this.#acknowledgeNow(); });
    this.#unacknowledged.push([sender, route]);
  }

  #acknowledgeNow(): void {
    const unacknowledged = this.#unacknowledged;
    this.#unacknowledged = [];
    for (const [sender, route] of unacknowledged) sender.acknowledge(route);
  }

  #look(): void {
    const forgetBefore = performance.now() - forgetAfterMs;
    for (const sender of [...this.#senders.values()]) {
      if (sender.isIdle && sender.usedAt < forgetBefore) sender.connection.close();
      else void sender.look();
    }
  }
}

/** What the reply subjects of one sender have in common: all but the last token. */
function keyOf(reply: string): string {
  return reply.slice(0, Math.max(reply.lastIndexOf("."), 0));
}
