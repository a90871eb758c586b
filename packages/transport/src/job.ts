import { AcommError, asksOf, createResponse, encodeErrorText, encodeProgress, parseUrl } from "@acomm/protocol";
import type { AcommUrl, RawJson, Request, RequestAsks, Response, TraceContext } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import type { Dependent } from "./call-parent.ts";
import type { Deadline } from "./deadlines.ts";
import type { HandlerContext } from "./handler-context.ts";
import type { HookProgress } from "./hook-progress.ts";
import type { AcceptedWork, ServerConnection } from "./message-server.ts";
import { isThenable } from "./thenable.ts";

/** What a {@link Job} asks of its service. */
export interface JobOwner {
  /** Calls the handler. */
  run(job: Job): unknown;
  /** The handler gave a result; `raw` is its text where that is known. */
  succeed(job: Job, result: unknown, streamUrl: AcommUrl | null, raw?: RawJson): void;
  /** There is a response. */
  finish(job: Job, response: Response): void;
  /** There is none to be given. */
  discard(job: Job): void;
  watchDeadline(deadline: JobDeadline): void;
  unwatchDeadline(deadline: JobDeadline): void;
  /** What takes the progress of a job that is answered to a hook. */
  progressTo(job: Job): HookProgress;
}

/** When a job's signal aborts. */
export interface JobDeadline extends Deadline {
  expired(): void;
}

/** One request between its acceptance and its answer. It is the handler's context as well. */
export class Job implements AcceptedWork, HandlerContext {
  readonly request: Request;
  readonly connection: ServerConnection;
  readonly answersHere: boolean;
  /** It is done with when its response is. */
  readonly lasts = true;
  /** What the connection needs to know which request an answer is for. */
  readonly route: unknown;
  readonly startedAt: number;
  /** How much of the listener's bytes it takes. */
  readonly bytes: number;
  /** Where the service keeps it. */
  index: number;
  /** Whether nobody wants the answer any more: its caller has taken it back, or has left. */
  isUnwanted = false;
  /** Whether its response could not be delivered, though another try may. */
  isUndelivered = false;
  /** Made where progress goes to a hook. */
  hookProgress: HookProgress | undefined;
  readonly #owner: JobOwner;
  readonly #release: (() => void) | undefined;
  #asks: RequestAsks | undefined;
  #streamUrl: AcommUrl | null = null;
  /** The response from elsewhere, null where somebody else answers. */
  #substitute: Response | null | undefined;
  #controller: AbortController | undefined;
  #deadline: JobDeadline | undefined;
  #abortReason: AcommError | undefined;
  /** Most handlers make one call, and a set costs more than the rest of it. */
  #dependent: Dependent | undefined;
  #dependents: Set<Dependent> | undefined;
  #isFinished = false;

  /** @param release gives back the place that was taken for the request */
  constructor(request: Request, connection: ServerConnection, owner: JobOwner, index: number, bytes: number, release: (() => void) | undefined) {
    this.request = request;
    this.connection = connection;
    const { usedAt, route, carriesAnswers } = connection.connection;
    this.route = route;
    this.startedAt = usedAt;
    this.index = index;
    this.bytes = bytes;
    this.#owner = owner;
    this.#release = release;
    this.answersHere = request.ext?.["reply"] === true && carriesAnswers !== false;
  }

  /** Made only for handlers that look at it, and so is the timer of its deadline. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
      else this.#watchDeadline();
    }
    return this.#controller.signal;
  }

  get deadline(): number | undefined {
    const { timeoutMs } = this.#asked;
    return timeoutMs === undefined ? undefined : this.startedAt + timeoutMs;
  }

  /** Whether the caller's time is over. */
  get isOverdue(): boolean {
    return performance.now() >= (this.deadline ?? Infinity);
  }

  get trace(): TraceContext | undefined {
    return this.#asked.trace;
  }

  get wantsProgress(): boolean {
    return this.#asked.progress === true;
  }

  /** Made only for handlers that look at it; an arrow, so that it may be taken out of the context. So are the next two. */
  get progress(): (value: unknown) => void {
    return (value) => {
      if (!this.wantsProgress || this.#isFinished || this.isUnwanted) return;
      if (this.answersHere && this.connection.isOpen) {
        if (!this.connection.connection.isBlocked) this.connection.answer(encodeProgress(this.request, value, { reply: true }), this.route);
      } else if (this.request.responseHook !== null) {
        this.hookProgress ??= this.#owner.progressTo(this);
        this.hookProgress.add(value);
      }
    };
  }

  get attachStream(): (url: string | URL) => void {
    return (url) => {
      this.#streamUrl = parseUrl(url, { field: "streamUrl" });
    };
  }

  get answerWith(): (response: Response | null) => void {
    return (response) => {
      this.#substitute = response;
    };
  }

  attach(dependent: Dependent): void {
    if (this.#abortReason !== undefined) dependent.parentAborted(this.#abortReason);
    else if (this.#dependent === undefined) this.#dependent = dependent;
    else (this.#dependents ??= new Set()).add(dependent);
  }

  detach(dependent: Dependent): void {
    if (this.#dependent === dependent) this.#dependent = undefined;
    else this.#dependents?.delete(dependent);
  }

  start(): void {
    try {
      const outcome = this.#owner.run(this);
      if (isThenable(outcome)) {
        outcome.then(
          (result) => { this.#succeed(result); },
          (error: unknown) => { this.#fail(error); },
        );
      } else {
        this.#succeed(outcome);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  discard(): void {
    this.#owner.discard(this);
  }

  /** Aborts, and nobody wants the answer: the caller takes the request back (wire 2.4), or has left. */
  cancel(reason: AcommError): void {
    this.isUnwanted = true;
    this.abort(reason);
  }

  /** Aborts the signal and what hangs on it; the first reason counts. */
  abort(reason: AcommError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#unwatchDeadline();
    this.#controller?.abort(reason);
    const first = this.#dependent;
    const others = this.#dependents;
    this.#dependent = this.#dependents = undefined;
    first?.parentAborted(reason);
    for (const dependent of others ?? []) dependent.parentAborted(reason);
  }

  /** It is over: the service has forgotten it. What still hangs on a signal whose time has come ends with it. */
  ended(): void {
    if (this.#deadline !== undefined && performance.now() >= this.#deadline.deadline) this.#deadline.expired();
    this.#unwatchDeadline();
    this.#release?.();
  }

  get #asked(): RequestAsks {
    return (this.#asks ??= asksOf(this.request));
  }

  #watchDeadline(): void {
    const { deadline } = this;
    if (deadline === undefined || this.#isFinished) return;
    const { timeoutMs } = this.#asked;
    this.#deadline = {
      deadline,
      bucket: undefined,
      bucketIndex: 0,
      expired: () => { this.abort(new AcommError("timeout", `the caller's time for the request, ${timeoutMs ?? 0} ms, is over`)); },
    };
    this.#owner.watchDeadline(this.#deadline);
  }

  #unwatchDeadline(): void {
    if (this.#deadline === undefined) return;
    this.#owner.unwatchDeadline(this.#deadline);
    this.#deadline = undefined;
  }

  #succeed(result: unknown): void {
    if (this.#isFinished) return; // a thenable that settles twice
    this.#isFinished = true;
    const substitute = this.#substitute;
    // what it gave up with must not pass for a result where the caller still listens
    if (substitute === undefined && this.#abortReason?.code === "timeout") this.#owner.finish(this, createResponse(this.request, { error: this.#abortReason }));
    else if (substitute === undefined) this.#owner.succeed(this, result ?? null, this.#streamUrl);
    else if (substitute === null) this.#owner.discard(this);
    else if (substitute.error === "" && substitute.raw !== undefined && Object.is(substitute.raw.value, substitute.result)) this.#owner.succeed(this, substitute.result, substitute.streamUrl, substitute.raw);
    else this.#owner.finish(this, { ...substitute, id: this.request.id });
  }

  #fail(error: unknown): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    // never an empty text, which would mean success
    this.#owner.finish(this, createResponse(this.request, { error: error instanceof Error ? error : encodeErrorText(error) }));
  }
}
