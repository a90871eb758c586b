import { AcommError, CallFrames, KnownText, replyHead } from "@acomm/protocol";
import type { OutgoingMessage } from "./transport.ts";

/** Numbers of nine digits, the end of an id in the form of a UUID. */
const firstNumber = 100_000_000;
const lastNumber = 999_999_999;
const digits = 9;
/** Before a number was given out. */
const noFrames = new CallFrames("");
const noHead = new KnownText("no answer begins like this");

/**
 * The messages of one connection that wait for their answers. It gives out numbers, which end ids of one random prefix, and finds a
 * message by its number in an array, without a hash.
 */
export class AwaitedAnswers {
  #frames = noFrames;
  /** How the text of a plain success begins that answers one of these ids, up to the number. */
  #head = noHead;
  /** The one that was given out last. */
  #number = lastNumber;
  /** The message of a number is where the number's low bits say; at most half of the places are taken. */
  #messages: (OutgoingMessage | undefined)[] = [undefined];
  /** The numbers at the same places, 0 where nothing is. */
  #numbers: number[] = [0];
  #size = 0;
  /** Those that go by an id of their own. */
  readonly #named = new Map<string, OutgoingMessage>();

  get size(): number {
    return this.#size + this.#named.size;
  }

  /** What writes the frame of the number that was given out last. */
  get frames(): CallFrames {
    return this.#frames;
  }

  /** A number that no message of the connection has, each time another one. */
  nextNumber(): number {
    do {
      if (this.#number === lastNumber) this.#renew();
      this.#number += 1;
    } while (this.#numbers[this.#placeOf(this.#number)] !== 0);
    return this.#number;
  }

  /** Adds a message that has the number that was given out last. */
  addNumbered(message: OutgoingMessage, number: number): void {
    this.#put(number, message);
    this.#size += 1;
    if (this.#size * 2 > this.#numbers.length) this.#grow();
  }

  /** Adds a message that has an id of its own. @throws `duplicate_id` */
  add(message: OutgoingMessage): void {
    const { id } = message;
    if (this.find(id) !== undefined) throw new AcommError("duplicate_id", `a request with the id ${JSON.stringify(id)} waits for its answer on this connection: give each its own`);
    this.#named.set(id, message);
  }

  /** The message of a number, undefined where it doesn't wait. */
  at(number: number): OutgoingMessage | undefined {
    const place = this.#placeOf(number);
    return this.#numbers[place] === number ? this.#messages[place] : undefined;
  }

  /** The message with that id. */
  find(id: string): OutgoingMessage | undefined {
    const message = this.at(Number(id.slice(-digits)));
    return message?.id === id ? message : this.#named.get(id);
  }

  /** The number in the id that the plain success at `start` answers, -1 where the id must be read to know. */
  numberOfReply(text: string, start: number): number {
    if (!this.#head.standsAt(text, start)) return -1;
    const end = this.idEnd(start);
    let number = 0;
    for (let at = end - digits; at < end; at += 1) {
      const digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) return -1;
      number = number * 10 + digit;
    }
    return number;
  }

  /** Where the id ends in the text of a plain success at `start` that has a number. */
  idEnd(start: number): number {
    return start + this.#head.text.length + digits;
  }

  /** Takes the message of a number, undefined where it doesn't wait. */
  take(number: number): OutgoingMessage | undefined {
    const message = this.at(number);
    if (message === undefined) return undefined;
    const place = this.#placeOf(number);
    this.#messages[place] = undefined;
    this.#numbers[place] = 0;
    this.#size -= 1;
    return message;
  }

  /** False where it doesn't wait. */
  delete(message: OutgoingMessage): boolean {
    const { id } = message;
    const number = Number(id.slice(-digits));
    if (this.at(number) === message) return this.take(number) === message;
    return this.#named.get(id) === message && this.#named.delete(id);
  }

  /** Takes all. */
  drain(): Set<OutgoingMessage> {
    const messages = new Set(this.#named.values());
    for (const message of this.#messages) if (message !== undefined) messages.add(message);
    this.#messages = [undefined];
    this.#numbers = [0];
    this.#size = 0;
    this.#named.clear();
    return messages;
  }

  #placeOf(number: number): number {
    return number & (this.#numbers.length - 1);
  }

  #put(number: number, message: OutgoingMessage): void {
    const place = this.#placeOf(number);
    this.#numbers[place] = number;
    this.#messages[place] = message;
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
    const prefix = crypto.randomUUID().slice(0, -digits);
    this.#frames = new CallFrames(prefix);
    this.#head = new KnownText(replyHead + prefix);
    this.#number = firstNumber - 1;
  }
}
