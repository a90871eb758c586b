import { AcommError, decodeErrorText, decodeResponse, encodeRequest } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { cancelledError } from "@acomm/transport";
import type { OutgoingMessage } from "@acomm/transport";
import type { PendingRequest, PendingRequests } from "./pending-requests.ts";

/** What a {@link Call} is made of. */
export interface CallInit {
  readonly pending: PendingRequests;
  /** The request without its id and response hook. */
  readonly request: Omit<Request, "id" | "responseHook">;
  /** An id that is unique, but may be guessed. */
  readonly id: string;
  /** The JSON of the hook that is named where the answer may not come on the connection. */
  readonly hook: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Counts an answer that nobody waits for. */
  readonly refuse: () => void;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: AcommError) => void;
}

/** One call from `tracker.request`: the entry in the pending table and the message on its way in one. */
export class Call implements PendingRequest, OutgoingMessage {
  id: string;
  readonly startedAt: number = performance.now();
  readonly takesReply = true;
  deadline: number;
  bucket: PendingRequest["bucket"] = undefined;
  previous: PendingRequest["previous"] = undefined;
  next: PendingRequest["next"] = undefined;
  attempts = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  isClaimed = false;
  isSettled = false;
  /** Whether the hook was named in what was sent last. */
  answersToHook = false;
  #isAccepted = false;
  readonly #init: CallInit;
  #onAbort: (() => void) | undefined;

  constructor(init: CallInit) {
    this.#init = init;
    this.id = init.id;
    this.deadline = this.startedAt + init.timeoutMs;
    const { signal } = init;
    if (signal === undefined) return;
    this.#onAbort = () => { init.pending.settle(this, cancelledError(this.#name(), signal)); };
    signal.addEventListener("abort", this.#onAbort);
  }

  get task(): string {
    return this.#init.request.task;
  }

  encode(replyAnnounced: boolean): string {
    const { request, hook, pending } = this.#init;
    this.answersToHook = !replyAnnounced;
    // who knows the id could answer at the hook in the peer's place, so there it is a secret
    if (!replyAnnounced) pending.rename(this, () => { this.id = crypto.randomUUID(); });
    return encodeRequest({ ...request, id: this.id, responseHook: null }, { reply: true, hook: replyAnnounced ? "null" : hook });
  }

  accepted(): void {
    this.#isAccepted = true;
  }

  answered(text: string): void {
    let response: Response;
    try {
      response = decodeResponse(text);
    } catch (error) {
      this.failed(error as AcommError);
      return;
    }
    this.carrier = undefined; // the answer is here, there is nothing left to forget
    this.#init.pending.settle(this, response);
  }

  strayAnswer(): void {
    this.#init.refuse();
  }

  /** The receiver said no. */
  refused(errorText: string): void {
    this.failed(decodeErrorText(errorText));
  }

  failed(error: AcommError): void {
    this.#init.pending.settle(this, error);
  }

  finish(outcome: Response | AcommError): void {
    const { signal, resolve, reject } = this.#init;
    this.isSettled = true;
    this.carrier?.forget(this);
    if (this.#onAbort !== undefined) signal?.removeEventListener("abort", this.#onAbort);
    if (outcome instanceof AcommError) reject(outcome);
    else if (outcome.error === "") resolve(outcome);
    else reject(decodeErrorText(outcome.error));
  }

  expired(): AcommError {
    return new AcommError("timeout", `${this.#name()}: ${this.#isAccepted ? "accepted, but not answered" : "not accepted"} within ${this.#init.timeoutMs} ms`);
  }

  #name(): string {
    return `request ${JSON.stringify(this.id)} (${this.task})`;
  }
}
