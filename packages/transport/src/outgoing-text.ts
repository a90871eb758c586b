import { AcommError, encodeCancel } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import type { OutgoingMessage } from "./transport.ts";

/** A finished text on its way: nobody takes an answer to it, only the acknowledgement counts. */
export class OutgoingText implements OutgoingMessage {
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

  encode(): string {
    return this.#text;
  }

  accepted(): void {
    this.isSettled = true;
    this.#resolve({ error: "", keepAlive: true, reply: false, cancel: false });
  }

  answered(): void {
    throw new AcommError("bad_frame", "an answer came to a message that takes none");
  }

  strayAnswer(): void {
    // it is not concerned
  }

  failed(error: AcommError): void {
    this.isSettled = true;
    this.#reject(error);
  }
}

/** Tells the receiver that a request is not wanted any more (wire 2.4). Whether it arrives is nobody's concern. */
export function createCancel(id: string): OutgoingText {
  const cancel = new OutgoingText(encodeCancel(id), () => undefined, () => undefined);
  cancel.isSettled = true; // it is never sent a second time
  return cancel;
}
