import { AcommError, checkName, decodeErrorText, decodeResponse, encodeCall, encodeJson, encodeRequest, optionalUrl, parseMember } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { cancelledError } from "@acomm/transport";
import type { OutgoingMessage } from "@acomm/transport";
import type { PendingRequest, PendingRequests } from "./pending-requests.ts";
import type { CallOptions } from "./tracker-options.ts";

/** What the calls of one tracker share. */
export interface CallOwner {
  readonly pending: PendingRequests;
  /** How deep an answer may nest. */
  readonly maxDepth: number;
  /** Counts an answer that nobody waits for. */
  refuse(): void;
}

/**
 * One call from `tracker.request`: the entry in the pending table, the message on its way and the caller's promise in one,
 * so that a call costs no more than it must.
 */
export class Call implements PendingRequest, OutgoingMessage {
  readonly task: string;
  readonly takesReply = true;
  deadline: number;
  bucket: PendingRequest["bucket"] = undefined;
  previous: PendingRequest["previous"] = undefined;
  next: PendingRequest["next"] = undefined;
  attempts = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  isClaimed = false;
  isNamed = false;
  isSettled = false;
  #isAccepted = false;
  readonly #owner: CallOwner;
  readonly #argsText: string;
  readonly #streamUrl: AcommUrl | null;
  readonly #taskUrl: AcommUrl | null;
  readonly #hook: string;
  readonly #timeoutMs: number;
  readonly #wantsResult: boolean;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: AcommError) => void;
  #id: string | undefined;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;

  /**
   * @param request its arguments are written down here: what is changed inside them later is not sent
   * @param options.hook the JSON of the hook that is named where the answer may not come on the connection
   * @param options.wantsResult whether `resolve` gets the result alone instead of the response
   * @throws AcommError `bad_field`
   */
  constructor(
    owner: CallOwner,
    request: Pick<CallOptions, "task" | "args" | "streamUrl" | "taskUrl">,
    options: { readonly hook: string; readonly timeoutMs: number; readonly wantsResult: boolean },
    resolve: (value: unknown) => void,
    reject: (error: AcommError) => void,
  ) {
    const { task, args, streamUrl, taskUrl } = request;
    this.#owner = owner;
    this.task = checkName(task, "task");
    this.#argsText = encodeJson(args, "args");
    this.#streamUrl = optionalUrl(streamUrl, "streamUrl");
    this.#taskUrl = optionalUrl(taskUrl, "taskUrl");
    this.#hook = options.hook;
    this.#timeoutMs = options.timeoutMs;
    this.#wantsResult = options.wantsResult;
    this.deadline = performance.now() + options.timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get startedAt(): number {
    return this.deadline - this.#timeoutMs;
  }

  get id(): string {
    this.#id ??= crypto.randomUUID();
    return this.#id;
  }

  /** Gives the call up when the signal aborts. */
  watch(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = () => { this.failed(cancelledError(this.#name(), signal)); };
    signal.addEventListener("abort", this.#onAbort);
  }

  encode(freeId: string | undefined): string {
    const { pending } = this.#owner;
    pending.unname(this); // it may have been sent to a hook before
    if (freeId === undefined) {
      this.#nameHook();
      return encodeRequest(this.#request(), { reply: true, hook: this.#hook });
    }
    this.#id = freeId;
    if (this.#streamUrl === null && this.#taskUrl === null) return encodeCall(freeId, this.task, this.#argsText);
    return encodeRequest(this.#request(), { reply: true, hook: "null" });
  }

  /** The JSON text for a peer whose answer can come to the hook alone. */
  encodeForHook(): string {
    this.#nameHook();
    return encodeRequest(this.#request(), { hook: this.#hook });
  }

  accepted(): void {
    this.#isAccepted = true;
  }

  answered(text: string): void {
    this.carrier = undefined; // the answer is here, there is nothing left to forget
    let response: Response;
    try {
      response = decodeResponse(text, this.#owner.maxDepth);
    } catch (error) {
      this.failed(error as AcommError);
      return;
    }
    this.#owner.pending.settle(this, response);
  }

  succeeded(resultText: string): boolean {
    if (!this.#wantsResult) return false;
    const result = parseMember(resultText, this.#owner.maxDepth);
    if (result === undefined) return false;
    this.carrier = undefined;
    if (this.#owner.pending.remove(this)) this.#finishWith(result);
    return true;
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
    if (!(outcome instanceof AcommError) && outcome.error === "") {
      this.#finishWith(this.#wantsResult ? outcome.result : outcome);
      return;
    }
    this.#leave();
    this.#reject(outcome instanceof AcommError ? outcome : errorOfResponse(outcome.error));
  }

  expired(): AcommError {
    return new AcommError("timeout", `${this.#name()}: ${this.#isAccepted ? "accepted, but not answered" : "not accepted"} within ${this.#timeoutMs} ms`);
  }

  #finishWith(value: unknown): void {
    this.#leave();
    this.#resolve(value);
  }

  #leave(): void {
    this.isSettled = true;
    this.carrier?.forget(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #request(): Request {
    // the text alone is left of the arguments
    return { id: this.id, task: this.task, responseHook: null, streamUrl: this.#streamUrl, taskUrl: this.#taskUrl, args: null, raw: { text: this.#argsText, value: null } };
  }

  /** Who knows the id could answer at the hook in the peer's place, so there it is a secret. */
  #nameHook(): void {
    this.#id = crypto.randomUUID();
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
