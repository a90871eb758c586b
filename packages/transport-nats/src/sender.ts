import { acceptedReplyText, AcommError, encodeRefusal } from "@acomm/protocol";
import type { MessageConnection, MessageWay } from "@acomm/transport";
import { encodeControl } from "./control.ts";
import type { Link } from "./link.ts";
import type { LongMessages } from "./long-messages.ts";
import { everyMessage } from "./caller.ts";
import { isNoResponders } from "./nats-error.ts";

/** What a {@link Sender} works with. */
export interface SenderInit {
  readonly link: Link;
  readonly longMessages: LongMessages;
  /** The subject at which the listener is told of what it has accepted. */
  readonly ownSubject: string;
  /** What the reply subjects of its messages begin with; empty for those that name none. */
  readonly key: string;
  /** Whether many messages were acknowledged in this turn. */
  readonly acknowledgeLater: (route: Route) => void;
  /** Before the last word, what was to be acknowledged later. */
  readonly acknowledgeNow: () => void;
  readonly onEnded: () => void;
}

/** Where the acknowledgement and the answer of one message go. */
export interface Route {
  readonly reply: string;
  isAcknowledged: boolean;
}

/** How long answers are kept for a sender who has not found the server again, in milliseconds. */
const keepAnswersMs = 5000;
/** How often it is looked for then, in milliseconds. */
const lookAgainMs = 100;
const lookTimeoutMs = 1000;
/** What headers may take of a payload's limit, in bytes. */
const headerBytes = 1024;

const nothing = Buffer.alloc(0);
const accepted = Buffer.from(acceptedReplyText);

/** One who sends to a listener, as the listener sees it: what a connection is where there are connections. */
export class Sender implements MessageWay {
  connection!: MessageConnection;
  /** When it was last heard of, on the clock of `performance.now()`. */
  usedAt: number = performance.now();
  readonly #init: SenderInit;
  /** Those that will be answered. */
  readonly #open = new Set<Route>();
  /** Answers that wait for the way to the sender, the oldest first. */
  #held: { readonly text: string; readonly route: Route }[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** Those whose answers are long and are being fetched. */
  readonly #fetched = new Set<Route>();
  #isLooking = false;
  /** Whether the way was gone, so that the sender may not be back yet. */
  #isUncertain = false;
  /** Whether it was found to be gone, or has said so. */
  #isGone = false;

  constructor(init: SenderInit) {
    this.#init = init;
  }

  get isBlocked(): boolean {
    return this.#init.link.isBlocked;
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#held.length === 0 && this.#underWay.size === 0;
  }

  /** What must leave before its listener has stopped. */
  get underWay(): Iterable<Promise<void>> {
    return this.#underWay;
  }

  /** Where answers are still to go: those to come, and those that wait for the way. */
  owed(): Set<string> {
    return new Set([...this.#open, ...this.#held.map(({ route }) => route), ...this.#fetched].map(({ reply }) => reply));
  }

  accept(route: unknown, answersHere: boolean): void {
    if (answersHere) this.#open.add(route as Route);
    this.#init.acknowledgeLater(route as Route);
  }

  refuse(text: string, route: unknown): void {
    const to = route as Route;
    to.isAcknowledged = true;
    this.#tell(to.reply, Buffer.from(text));
  }

  answer(text: string, route: unknown): void {
    const to = route as Route;
    if (to.reply === "" || this.#isGone) return;
    if (this.#isUncertain || !this.#init.link.isUp) {
      this.#held.push({ text, route: to });
      return;
    }
    this.#write(text, to);
  }

  settled(route: unknown): void {
    this.#open.delete(route as Route);
  }

  ended(unacknowledged: readonly unknown[], error: AcommError | undefined): void {
    const { key, ownSubject, acknowledgeNow, onEnded } = this.#init;
    acknowledgeNow();
    for (const route of unacknowledged) {
      const why = error === undefined ? "the receiver is gone" : `the receiver is gone: ${error.message}`;
      this.refuse(encodeRefusal(new AcommError("ambiguous", `${why}, and the message may have been accepted`), { keepAlive: false }), route);
    }
    const farewell = (): void => { if (!this.#isGone && key !== "") this.#tell(`${key}.${everyMessage}`, nothing, "bye", ownSubject); };
    if (this.#underWay.size === 0) farewell();
    else this.#track(Promise.allSettled(this.#underWay).then(farewell)); // an answer that is on its way is one
    onEnded();
  }

  /** Writes the acknowledgement, unless an answer has said it. */
  acknowledge(route: Route): void {
    if (route.isAcknowledged) return;
    route.isAcknowledged = true;
    this.#tell(route.reply, accepted);
  }

  /** It says that it is gone. */
  left(): void {
    this.#isGone = true;
    this.#held = [];
    this.connection.end();
  }

  /** It may be gone, or not have found the server again. */
  linkDown(): void {
    this.#isUncertain = true;
  }

  linkUp(): void {
    if (this.#isUncertain) void this.#findAgain();
  }

  /** Looks whether it is there, where it waits for answers: a broker doesn't tell. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#isUncertain || this.#open.size === 0 || this.#init.key === "") return;
    this.#isLooking = true;
    if ((await this.#isMissing()) && (await this.#isMissing()) && this.#isLinkUp() && performance.now() - this.#init.link.returnedAt > keepAnswersMs) this.left();
    this.#isLooking = false;
  }

  #write(text: string, route: Route): void {
    const { link, longMessages, ownSubject } = this.#init;
    route.isAcknowledged = true;
    const payload = Buffer.from(text);
    if (payload.length <= link.maxPayloadBytes - headerBytes) this.#tell(route.reply, payload);
    else {
      this.#fetched.add(route);
      this.#track(longMessages.send(route.reply, payload, ownSubject).finally(() => { this.#fetched.delete(route); }));
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(() => undefined).then(() => { this.#underWay.delete(tracked); });
    this.#underWay.add(tracked);
  }

  #tell(subject: string, payload: Uint8Array, word?: "bye", reply = this.#init.ownSubject): void {
    if (subject !== "") this.#init.link.tell(subject, payload, { reply, headers: word === undefined ? undefined : encodeControl({ word }) });
  }

  /** Waits until the sender has found the server as well, and gives it the answers that it has missed. */
  async #findAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const until = performance.now() + keepAnswersMs;
    let isMissing = this.#init.key !== "" && (this.#held.length > 0 || this.#open.size > 0);
    while (isMissing && this.#init.link.isUp && performance.now() < until) {
      isMissing = await this.#isMissing();
      if (isMissing) await new Promise((resolve) => { setTimeout(resolve, lookAgainMs).unref(); });
    }
    this.#isLooking = false;
    if (!this.#isLinkUp()) return; // it is looked for again when the way is back
    this.#isUncertain = false;
    if (isMissing) {
      this.left();
      return;
    }
    for (const { text, route } of this.#held.splice(0)) this.#write(text, route);
  }

  /** Asked anew: the wait may have changed it. */
  #isLinkUp(): boolean {
    return this.#init.link.isUp;
  }

  async #isMissing(): Promise<boolean> {
    try {
      const connection = await this.#init.link.open();
      await connection.request(`${this.#init.key}.${everyMessage}`, nothing, { timeout: lookTimeoutMs, headers: encodeControl({ word: "alive" }) });
      return false;
    } catch (error) {
      return isNoResponders(error); // silence is none: it may be busy
    }
  }
}
