import { encodeCancel } from "@acomm/protocol";
import type { OutgoingMessage } from "./transport.ts";

/** Tells the receiver that a request is not wanted any more (wire 2.4). Whether it arrives is nobody's concern. */
export class OutgoingCancel implements OutgoingMessage {
  readonly id = "";
  readonly takesReply = false;
  /** It is never sent a second time. */
  readonly isSettled = true;
  attempts = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  readonly #request: string;

  /** @param request the id of the request that is not wanted */
  constructor(request: string) {
    this.#request = request;
  }

  encode(): string {
    return encodeCancel(this.#request);
  }

  accepted(): void {
    // the handler's signal aborts now
  }

  answered(): void {
    // it takes no answer
  }

  failed(): void {
    // the request ends with its connection, or by itself
  }

  strayAnswer(): void {
    // it is not concerned
  }
}
