import { AcommError, KnownText, replyHead } from "@acomm/protocol";
import type { OutgoingMessage } from "./transport.ts";

/** Numbers of nine digits, the end of an id in the form of a UUID. */
const firstNumber = 100_000_000;
const lastNumber = 999_999_999;
const digits = 9;
const firstPlaces = 64;
/** Before an id was given out. */
const noHead = new KnownText("no answer begins like this");

/**
 * The messages of one connection that wait for their answers. It gives out ids of a random prefix and a number, and finds a
 * message by that number in an array, without a hash.
 */
export class AwaitedAnswers {
  #prefix = "";
  /** How the text of a plain success begins that answers one of these ids, up to the number. */
  #head = noHead;
  #number = firstNumber - 1;
  #freeId: string | undefined;
  /** The message of a number is where the number's low bits say; at most half of the places are taken. */
  #messages: (OutgoingMessage | undefined)[] = [];
  /** The numbers at the same places, 0 where nothing is. */
  #numbers: number[] = [];
  #size = 0;
  /** Those that go by an id of their own. */
  readonly #named = new Map<string, OutgoingMessage>();

  get size(): number {
    return this.#size + this.#named.size;
  }

  /** An id that no message of the connection has; the same one until a message is added with it. */
  freeId(): string {
    if (this.#freeId !== undefined) return this.#freeId;
    if (this.#prefix === "") this.#begin();
    const mask = this.#numbers.length - 1;
    do {
      if (this.#number === lastNumber) this.#renew();
      this.#number += 1;
    } while (this.#numbers[this.#number & mask] !== 0);
    this.#freeId = `${this.#prefix}${this.#number}`;
    return this.#freeId;
  }

  /** @throws `duplicate_id` where the message brings an id of its own that is taken. */
  add(message: OutgoingMessage): void {
    const { id } = message;
    if (id === this.#freeId) {
      this.#freeId = undefined;
      this.#put(this.#number, message);
      this.#size += 1;
      if (this.#size * 2 > this.#numbers.length) this.#grow();
    } else {
      if (this.find(id) !== undefined) throw new AcommError("duplicate_id", `a request with the id ${JSON.stringify(id)} waits for its answer on this connection: give each its own`);
      this.#named.set(id, message);
    }
  }

  /** The message with that id. */
  find(id: string): OutgoingMessage | undefined {
    const message = this.#messages[Number(id.slice(-digits)) & (this.#messages.length - 1)];
    return message?.id === id ? message : this.#named.get(id);
  }

  /** The place of the message that the plain success at `start` answers, -1 where its id must be read to know. */
  placeOfReply(text: string, start: number): number {
    if (!this.#head.standsAt(text, start)) return -1;
    const end = this.idEnd(start);
    let number = 0;
    for (let at = end - digits; at < end; at += 1) {
      const digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) return -1;
      number = number * 10 + digit;
    }
    const place = number & (this.#numbers.length - 1);
    return this.#numbers[place] === number ? place : -1;
  }

  /** Where the id ends in the text of a plain success at `start` that has a place. */
  idEnd(start: number): number {
    return start + this.#head.text.length + digits;
  }

  /** Takes the message of a place. */
  take(place: number): OutgoingMessage | undefined {
    const message = this.#messages[place];
    this.#clear(place);
    return message;
  }

  /** False where it doesn't wait. */
  delete(message: OutgoingMessage): boolean {
    const { id } = message;
    const place = Number(id.slice(-digits)) & (this.#messages.length - 1);
    if (this.#messages[place] === message) {
      this.#clear(place);
      return true;
    }
    return this.#named.get(id) === message && this.#named.delete(id);
  }

  /** Takes all. */
  drain(): Set<OutgoingMessage> {
    const messages = new Set(this.#named.values());
    for (const message of this.#messages) if (message !== undefined) messages.add(message);
    this.#messages.fill(undefined);
    this.#numbers.fill(0);
    this.#size = 0;
    this.#named.clear();
    return messages;
  }

  #put(number: number, message: OutgoingMessage): void {
    const place = number & (this.#numbers.length - 1);
    this.#numbers[place] = number;
    this.#messages[place] = message;
  }

  #clear(place: number): void {
    this.#messages[place] = undefined;
    this.#numbers[place] = 0;
    this.#size -= 1;
  }

  /** Most connections to a peer of one message each never get here. */
  #begin(): void {
    this.#renew();
    this.#numbers = new Array<number>(firstPlaces).fill(0);
    this.#messages = new Array<OutgoingMessage | undefined>(firstPlaces).fill(undefined);
  }

  #grow(): void {
    const numbers = this.#numbers;
    const messages = this.#messages;
    this.#numbers = new Array<number>(numbers.length * 2).fill(0);
    this.#messages = new Array<OutgoingMessage | undefined>(numbers.length * 2).fill(undefined);
    messages.forEach((message, place) => {
      if (message !== undefined) this.#put(numbers[place] ?? 0, message);
    });
  }

  #renew(): void {
    this.#prefix = createPrefix();
    this.#head = new KnownText(replyHead + this.#prefix);
    this.#number = firstNumber - 1;
  }
}

function createPrefix(): string {
  return crypto.randomUUID().slice(0, -digits);
}
