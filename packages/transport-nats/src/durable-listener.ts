import { AcommError, decodeAcknowledgement, decodeErrorText, encodeRefusal } from "@acomm/protocol";
import type { AcommErrorCode } from "@acomm/protocol";
import { createMessageListener, report } from "@acomm/transport";
import type { Listener, MessageConnection, MessageListenerOptions, MessageWay } from "@acomm/transport";
import { jetstream } from "@nats-io/jetstream";
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Link } from "./link.ts";
import { consumerName, openStore, storeName } from "./store.ts";
import type { StoreOptions } from "./store.ts";
import { urlOf } from "./subjects.ts";
import { textOf } from "./text.ts";

/** What {@link createDurableListener} works with. */
export interface DurableListenerInit extends MessageListenerOptions, StoreOptions {
  readonly link: Link;
  readonly subject: string;
  readonly maxFrameBytes: number;
}

/** How long a message rests that is to be handed out again, in milliseconds. */
const restMs = 500;
/** What may be otherwise at another try: there is no room, it stops, or whoever waits for the response is not back yet. */
const passing: readonly AcommErrorCode[] = ["overloaded", "stopping", "unavailable", "unknown_id"];
/** How long an empty store is asked at once, in milliseconds: as long as it may take to see that a server is back. */
const askMs = 2000;

/**
 * A listener that takes its messages from the server's store: each is gone from it when its response is delivered, and handed out
 * again where that never happens.
 */
export function createDurableListener(init: DurableListenerInit): Listener {
  const url = urlOf(init.link.authority, { subject: init.subject, isDurable: true });
  return createMessageListener({
    ...init,
    url,
    async listen(open) {
      const intake = new Intake(init, open);
      await intake.start();
      return { url, close: () => intake.stop() };
    },
  });
}

class Intake {
  readonly #init: DurableListenerInit;
  readonly #open: (way: MessageWay) => MessageConnection;
  /** Those that were handed over and are not done with. */
  readonly #underWay = new Set<Delivery>();
  #messages: ConsumerMessages | undefined;
  #workingTimer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  constructor(init: DurableListenerInit, open: (way: MessageWay) => MessageConnection) {
    this.#init = init;
    this.#open = open;
  }

  async start(): Promise<void> {
    const { link, subject, ackWaitMs, maxInFlight } = this.#init;
    link.hold();
    try {
      const connection = await link.open();
      await openStore(connection, subject, this.#init);
      const consumer = await jetstream(connection).consumers.get(storeName(subject), consumerName);
      this.#messages = await consumer.consume({ max_messages: Math.min(maxInFlight, 256), expires: askMs, idle_heartbeat: askMs / 2, callback: (message) => { this.#take(message); } });
    } catch (error) {
      void link.release();
      throw error;
    }
    this.#workingTimer = setInterval(() => { for (const delivery of this.#underWay) delivery.working(); }, Math.ceil(ackWaitMs / 3)).unref();
  }

  async stop(): Promise<void> {
    const { link } = this.#init;
    this.#messages?.stop();
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    clearInterval(this.#workingTimer);
    if (link.isUp) await link.flush().catch(() => undefined);
    await link.release();
  }

  #take(message: JsMsg): void {
    const delivery = new Delivery(message, () => {
      this.#underWay.delete(delivery);
      if (this.#underWay.size === 0) this.#onIdle?.();
    });
    this.#underWay.add(delivery);
    const connection = this.#open(delivery);
    delivery.connection = connection;
    try {
      if (message.data.length > this.#init.maxFrameBytes) throw new AcommError("frame_too_large", `a stored message has ${message.data.length} bytes, the limit is ${this.#init.maxFrameBytes}`);
      connection.push(textOf(message.data), delivery);
    } catch (error) {
      delivery.refuse(encodeRefusal(error, { keepAlive: false }));
    }
  }
}

/** One message out of the store, and its way back there. */
class Delivery implements MessageWay {
  connection: MessageConnection | undefined;
  readonly #message: JsMsg;
  readonly #onDone: () => void;
  #isDone = false;

  constructor(message: JsMsg, onDone: () => void) {
    this.#message = message;
    this.#onDone = onDone;
  }

  accept(_route: unknown, _answersHere: boolean, lasts: boolean): void {
    if (!lasts) this.#end(() => { this.#message.ack(); });
  }

  refuse(text: string): void {
    const error = decodeErrorText(decodeAcknowledgement(text).error);
    this.#end(() => {
      if (passing.includes(error.code)) {
        this.#message.nak(restMs);
        return;
      }
      this.#message.term(error.code);
      report(undefined, new AcommError("undeliverable", `a stored message was refused for good: ${error.message}`, { cause: error }));
    });
  }

  settled(_route: unknown, isDelivered: boolean): void {
    this.#end(() => {
      if (isDelivered) this.#message.ack();
      else this.#message.nak(restMs);
    });
  }

  /** It was not done with: another listener gets it. */
  ended(): void {
    this.#end(() => { this.#message.nak(); });
  }

  /** It takes its time: nobody else is to get it meanwhile. */
  working(): void {
    if (!this.#isDone) attempt(() => { this.#message.working(); });
  }

  #end(say: () => void): void {
    if (this.#isDone) return;
    this.#isDone = true;
    attempt(say);
    this.#onDone();
    queueMicrotask(() => this.connection?.close());
  }
}

/** What can't be said now is not needed: the server hands the message out again. */
function attempt(say: () => void): void {
  try {
    say();
  } catch {
    // the connection is gone
  }
}
