import { AcommError, decodeErrorText, decodePlainResult, decodeResponse, encodeRequest } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { cancelledError } from "@acomm/transport";
import type { OutgoingMessage } from "@acomm/transport";
import type { PendingRequest, PendingRequests } from "./pending-requests.ts";

/** What the calls of one tracker share. */
export interface CallOwner {
  readonly pending: PendingRequests;
  /** Counts an answer that nobody waits for. */
  refuse(): void;
}

/** A request whose id is found when it is sent. */
type Sendable = { -readonly [Key in keyof Request]: Request[Key] };

/**
 * One call from `tracker.request`: the entry in the pending table, the message on its way and the caller's promise in one,
 * so that a call costs no more than it must.
 */
export class Call implements PendingRequest, OutgoingMessage {
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
  #isAccepted = false;
  /** Whether the hook was named in what was sent last. */
  #isNamed = false;
  readonly #owner: CallOwner;
  readonly #request: Sendable;
  readonly #hook: string;
  readonly #timeoutMs: number;
  readonly #wantsResult: boolean;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: AcommError) => void;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;

  /**
   * @param request its id is unique, but may be guessed
   * @param options.hook the JSON of the hook that is named where the answer may not come on the connection
   * @param options.wantsResult whether `resolve` gets the result alone instead of the response
   */
  constructor(
    owner: CallOwner,
    request: Request,
    options: { readonly hook: string; readonly timeoutMs: number; readonly wantsResult: boolean },
    resolve: (value: unknown) => void,
    reject: (error: AcommError) => void,
  ) {
    this.#owner = owner;
    this.#request = request;
    this.#hook = options.hook;
    this.#timeoutMs = options.timeoutMs;
    this.#wantsResult = options.wantsResult;
    this.deadline = this.startedAt + options.timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get id(): string {
    return this.#request.id;
  }

  get task(): string {
    return this.#request.task;
  }

  /** Gives the call up when the signal aborts. */
  watch(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = () => { this.failed(cancelledError(this.#name(), signal)); };
    signal.addEventListener("abort", this.#onAbort);
  }

  encode(replyAnnounced: boolean): string {
    const { pending } = this.#owner;
    if (this.#isNamed) pending.unname(this);
    this.#isNamed = !replyAnnounced;
    if (replyAnnounced) return encodeRequest(this.#request, { reply: true });
    this.#nameHook();
    return encodeRequest(this.#request, { reply: true, hook: this.#hook });
  }

  /** The JSON text for a peer whose answer can come to the hook alone. */
  encodeForHook(): string {
    this.#isNamed = true;
    this.#nameHook();
    return encodeRequest(this.#request, { hook: this.#hook });
  }

  accepted(): void {
    this.#isAccepted = true;
  }

  answered(text: string): void {
    this.carrier = undefined; // the answer is here, there is nothing left to forget
    let response: Response;
    try {
      const result = this.#wantsResult ? decodePlainResult(text) : undefined;
      response = result === undefined ? decodeResponse(text) : { id: this.id, error: "", result, streamUrl: null };
    } catch (error) {
      this.failed(error as AcommError);
      return;
    }
    this.#owner.pending.settle(this, response);
  }

  strayAnswer(): void {
    this.#owner.refuse();
  }

  /** The receiver said no. */
  refused(errorText: string): void {
    this.failed(decodeErrorText(errorText));
  }

  failed(error: AcommError): void {
    this.#owner.pending.settle(this, error);
  }

  finish(outcome: Response | AcommError): void {
    this.isSettled = true;
    this.carrier?.forget(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
    if (outcome instanceof AcommError) this.#reject(outcome);
    else if (outcome.error === "") this.#resolve(this.#wantsResult ? outcome.result : outcome);
    else this.#reject(errorOfResponse(outcome.error));
  }

  expired(): AcommError {
    return new AcommError("timeout", `${this.#name()}: ${this.#isAccepted ? "accepted, but not answered" : "not accepted"} within ${this.#timeoutMs} ms`);
  }

  /** Who knows the id could answer at the hook in the peer's place, so there it is a secret. */
  #nameHook(): void {
    this.#request.id = crypto.randomUUID();
    this.#owner.pending.name(this);
  }

  #name(): string {
    return `request ${JSON.stringify(this.id)} (${this.task})`;
  }
}

/** The peer's error. That something was unavailable to the handler doesn't mean that the handler did not run. */
function errorOfResponse(text: string): AcommError {
  const error = decodeErrorText(text);
  return error.code === "unavailable" ? new AcommError("remote", text) : error;
}
