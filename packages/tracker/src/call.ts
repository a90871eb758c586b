import { AcommError, checkName, decodeErrorText, decodeResponse, encodeJson, encodeRequest, errorOfResponse, headerPlace, optionalUrl, parseMember } from "@acomm/protocol";
import type { AcommUrl, CallFrames, Request, RequestAsks, Response } from "@acomm/protocol";
import { cancelledError } from "@acomm/transport";
import type { CallParent, Dependent, OutgoingMessage } from "@acomm/transport";
import { performance } from "node:perf_hooks";
import type { PendingRequest, PendingRequests } from "./pending-requests.ts";
import { SignalWatch } from "./signal-watch.ts";
import type { Watcher } from "./signal-watch.ts";
import type { CallOptions } from "./tracker-options.ts";

/** What the calls of one tracker share. */
export interface CallOwner {
  readonly pending: PendingRequests;
  /** How deep an answer may nest. */
  readonly maxDepth: number;
  /** Counts an answer that nobody waits for. */
  refuse(): void;
  /** Runs what the application gave, and reports what it throws. */
  runProgress(handler: (value: unknown) => unknown, value: unknown, name: string): void;
}

/** What a call gives: the result, the response of a success, or whatever response there is, its result unread. */
export type CallOutcome = "result" | "response" | "forwarded";

/** How exactly the time of a call is told, in milliseconds. */
const resolutionMs = 4;

/** How a call is made; calls that are made alike share one. */
export interface CallInit {
  /** The JSON of the hook that is named where the answer may not come on the connection. */
  readonly hook: string;
  /** Of the whole. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number | undefined;
  readonly outcome: CallOutcome;
  /** What is asked for beside the time; undefined for nothing. */
  readonly asks: RequestAsks | undefined;
  readonly onProgress: ((value: unknown) => unknown) | undefined;
}

/**
 * One call from `tracker.request`: the entry in the pending table, the message on its way and the caller's promise in one,
 * so that a call costs no more than it must.
 */
export class Call implements PendingRequest, OutgoingMessage, Dependent, Watcher {
  // what is read when the answer comes stands together: a thousand calls are more than the nearest caches hold
  bucket: PendingRequest["bucket"] = undefined;
  bucketIndex = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  readonly #init: CallInit;
  readonly #owner: CallOwner;
  readonly #resolve: (value: unknown) => void;
  isNamed = false;
  isSettled = false;
  #watch: SignalWatch | undefined;
  #parent: CallParent | undefined;
  #isAccepted = false;
  /** JSON; empty once nobody needs it any more. */
  #argsText: string;
  readonly task: string;
  readonly takesReply = true;
  deadline: number;
  attempts = 0;
  isClaimed = false;
  watchIndex = 0;
  isCancelled = false;
  /** Until it was given to a transport all of its time is left, and the clock need not be asked again. */
  isNew = true;
  readonly #streamUrl: AcommUrl | null;
  readonly #taskUrl: AcommUrl | null;
  /** By when the whole must be done; rounded up, since a small integer takes no memory of its own. So is `deadline`. */
  readonly #until: number;
  readonly #reject: (error: AcommError) => void;
  #id: string | undefined;
  /** The id until somebody reads it: zeros stand for the nine digits of its number, which is 0 where it has none. */
  #blankId = "";
  #number = 0;

  /** @param message what is sent: the arguments of a request that is sent on keep their text @throws `bad_field` */
  constructor(owner: CallOwner, message: CallOptions | Request, init: CallInit, resolve: (value: unknown) => void, reject: (error: AcommError) => void) {
    const { task, args, streamUrl, taskUrl } = message;
    const raw = "raw" in message ? message.raw : undefined;
    this.#owner = owner;
    this.task = checkName(task, "task");
    this.#argsText = raw !== undefined && Object.is(raw.value, args) ? raw.text : encodeJson(args, "args");
    this.#streamUrl = optionalUrl(streamUrl, "streamUrl");
    this.#taskUrl = optionalUrl(taskUrl, "taskUrl");
    this.#init = init;
    this.#until = this.deadline = Math.ceil(performance.now() + init.timeoutMs);
    if (init.idleTimeoutMs !== undefined) this.deadline = this.#idleDeadline(init.idleTimeoutMs);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get startedAt(): number {
    return this.#until - this.#init.timeoutMs;
  }

  get id(): string {
    this.#id ??= this.#number === 0 ? crypto.randomUUID() : `${this.#blankId.slice(0, -9)}${this.#number}`;
    return this.#id;
  }

  get asks(): Pick<RequestAsks, "timeoutMs" | "trace"> {
    return { timeoutMs: this.#timeLeftMs(), trace: this.#init.asks?.trace };
  }

  /** Gives the call up when the signal aborts, or has; that of its parent too, where there are two. */
  watch(signal: AbortSignal): void {
    const other = this.#watch;
    other?.delete(this);
    this.#watch = SignalWatch.add(other === undefined ? signal : AbortSignal.any([other.signal, signal]), this);
    if (signal.aborted) this.signalAborted(signal);
  }

  signalAborted(signal: AbortSignal): void {
    this.#cancel(cancelledError(this.#name(), signal));
  }

  /** Gives the call up when its parent ends. */
  follow(parent: CallParent): void {
    if (parent.attach === undefined) {
      this.watch(parent.signal);
      return;
    }
    this.#parent = parent;
    parent.attach(this);
  }

  parentAborted(reason: AcommError): void {
    this.#cancel(new AcommError(reason.code, `${this.#name()}: ${reason.message}`, { cause: reason.cause, retryable: false }));
  }

  encode(freeId: string | undefined): string {
    const { pending } = this.#owner;
    pending.unname(this); // it may have been sent to a hook before
    if (freeId === undefined) {
      this.#nameHook();
      return this.#encode(true, this.#init.hook);
    }
    this.#id = freeId;
    return this.#encode(true, "null");
  }

  encodeFrame(frames: CallFrames, number: number): string {
    this.#owner.pending.unname(this);
    this.#id = this.#blankId = frames.blankId;
    this.#number = number;
    const text = this.#streamUrl === null && this.#taskUrl === null ? frames.encode(this.task, this.#argsText, this.#timeLeftMs(), this.#init.asks) : headerPlace + this.#encode(true, "null");
    this.#id = undefined;
    return text;
  }

  /** The JSON text for a peer whose answer can come to the hook alone. */
  encodeForHook(): string {
    this.#nameHook();
    return this.#encode(false, this.#init.hook);
  }

  accepted(): void {
    this.#isAccepted = true;
    this.#argsText = ""; // it is never sent again
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
    const { outcome } = this.#init;
    if (outcome === "response") return false;
    const value = outcome === "forwarded" ? this.#unread(resultText) : parseMember(resultText, this.#owner.maxDepth);
    if (value === undefined) return false;
    this.carrier = undefined;
    if (this.#owner.pending.remove(this)) this.#finishWith(value);
    return true;
  }

  progressed(value: unknown): void {
    const { idleTimeoutMs, onProgress } = this.#init;
    if (this.isSettled) return;
    if (idleTimeoutMs !== undefined) this.#owner.pending.renew(this, this.#idleDeadline(idleTimeoutMs));
    if (onProgress !== undefined) this.#owner.runProgress(onProgress, value, this.#name());
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
    if (!(outcome instanceof AcommError) && (outcome.error === "" || this.#init.outcome === "forwarded")) {
      this.#finishWith(this.#init.outcome === "result" ? outcome.result : outcome);
      return;
    }
    this.#leave();
    this.#reject(outcome instanceof AcommError ? outcome : errorOfResponse(outcome));
  }

  expired(): AcommError {
    const { idleTimeoutMs, timeoutMs } = this.#init;
    const accepted = this.#isAccepted ? "accepted, but" : "not accepted, and";
    if (this.deadline < this.#until) {
      this.isCancelled = true; // the receiver knows the time of the call, not this one
      return new AcommError("timeout", `${this.#name()}: ${accepted} without progress for ${idleTimeoutMs ?? 0} ms`);
    }
    return new AcommError("timeout", `${this.#name()}: ${this.#isAccepted ? "accepted, but not answered" : "not accepted"} within ${Math.round(timeoutMs)} ms`);
  }

  #finishWith(value: unknown): void {
    this.#leave();
    this.#resolve(value);
  }

  #leave(): void {
    this.isSettled = true;
    this.carrier?.forget(this);
    this.carrier = undefined; // a connection is a lot to keep where somebody still has the call
    this.#watch?.delete(this);
    this.#parent?.detach?.(this);
  }

  /** Gives the call up and lets the receiver know; that the time of the call is over it knows by itself. */
  #cancel(error: AcommError): void {
    this.isCancelled = performance.now() < this.#until - resolutionMs;
    this.failed(error);
  }

  /** A success whose result nobody here reads. */
  #unread(resultText: string): Response {
    return { id: this.id, error: "", result: null, streamUrl: null, raw: { text: resultText, value: null } };
  }

  #idleDeadline(idleTimeoutMs: number): number {
    return Math.min(this.#until, Math.ceil(performance.now() + idleTimeoutMs));
  }

  /** A whole number. Within the resolution of deadlines it is all of the time, so that most calls say the same. */
  #timeLeftMs(): number {
    const { timeoutMs } = this.#init;
    if (this.isNew) return Math.ceil(timeoutMs);
    const leftMs = this.#until - performance.now();
    return Math.max(Math.ceil(leftMs > timeoutMs - resolutionMs ? timeoutMs : leftMs), 1);
  }

  #encode(reply: boolean, hook: string): string {
    return encodeRequest(this.#request(), { ...this.#init.asks, reply, hook, timeoutMs: this.#timeLeftMs() });
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
