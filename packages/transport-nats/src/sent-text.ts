import type { AcommError, Acknowledgement, RequestAsks } from "@acomm/protocol";
import { asksOf, parseJson } from "@acomm/protocol";
import type { OutgoingMessage } from "@acomm/transport";

/** A finished text on its way: only the acknowledgement counts. */
export class SentText implements OutgoingMessage {
  readonly id = "";
  readonly takesReply = false;
  isSettled = false;
  attempts = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  readonly #text: string;
  readonly #resolve: (ack: Acknowledgement) => void;
  readonly #reject: (error: AcommError) => void;

  constructor(text: string, resolve: (ack: Acknowledgement) => void, reject: (error: AcommError) => void) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get asks(): Pick<RequestAsks, "timeoutMs" | "trace"> | undefined {
    return readAsks(this.#text);
  }

  encode(): string {
    return this.#text;
  }

  accepted(): void {
    this.isSettled = true;
    this.#resolve({ error: "", keepAlive: true, reply: false, cancel: false });
  }

  answered(): void {
    this.accepted(); // whoever answers has taken it
  }

  failed(error: AcommError): void {
    this.isSettled = true;
    this.#reject(error);
  }

  strayAnswer(): void {
    // it is not concerned
  }
}

/** What a text asks for, where it is a request that can be read. */
export function readAsks(text: string): Pick<RequestAsks, "timeoutMs" | "trace"> | undefined {
  if (!text.includes('"ext"')) return undefined;
  try {
    return asksOf({ ext: (parseJson(text) as { readonly ext?: Record<string, unknown> }).ext });
  } catch {
    return undefined; // the receiver says what is wrong with it
  }
}
