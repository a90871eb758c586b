import { AcommError, badField, cancelledId, checkOptionNames, createResponse, decodeRequest, encodeJson, encodeReply, encodeResponse } from "@acomm/protocol";
import type { AcommUrl, OptionNames, RawJson, Request, Response } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { Deadlines } from "./deadlines.ts";
import { deliverResponse } from "./deliver.ts";
import { report } from "./diagnostics.ts";
import type { ErrorHook } from "./diagnostics.ts";
import type { HandlerContext } from "./handler-context.ts";
import { HookProgress } from "./hook-progress.ts";
import { Job } from "./job.ts";
import type { JobDeadline, JobOwner } from "./job.ts";
import { MessageServer } from "./message-server.ts";
import type { AcceptedWork, Acceptor, ServerConnection } from "./message-server.ts";
import { createRegistry } from "./registry.ts";
import type { TransportRegistry } from "./registry.ts";
import { admitTargets, checkTarget } from "./target-policy.ts";
import type { TargetPolicy } from "./target-policy.ts";
import type { CutWork, Listener, StopOptions, StopReport } from "./transport.ts";
import { checkCount, checkDepth, checkGraceMs, checkTimeoutMs, stoppingError } from "./wait.ts";
import { withinGrace } from "./within-grace.ts";

/** What it returns is the result, what it throws the response's error. */
export type RequestHandler<Args = unknown, Result = unknown> = (request: Request<Args>, context: HandlerContext) => Result | Promise<Result>;

/** What {@link serve} takes besides. */
export interface ServeOptions {
  /** What carries answers to hooks. @default unix and http(s), closed with the service */
  readonly registry?: TransportRegistry | undefined;
  /** Which hooks are answered. @default unix sockets */
  readonly admit?: TargetPolicy | undefined;
  /** Requests under way; more are refused as `overloaded`. @default 10 000 */
  readonly maxInFlight?: number | undefined;
  /** How deep a request may nest, 1 to 5000. @default 256 */
  readonly maxDepth?: number | undefined;
  /**
   * Takes a place for a request before it is accepted, or throws to refuse it. What it returns runs when the request is done.
   * @default all are accepted
   */
  readonly reserve?: ((request: Request) => (() => void) | undefined) | undefined;
  /** How long to try a hook where nobody listens. @default 5000 */
  readonly hookTimeoutMs?: number | undefined;
  /** Gets failures that no caller can receive. @default only `node:diagnostics_channel` gets them */
  readonly onError?: ErrorHook | undefined;
}

const serveOptionNames: OptionNames<ServeOptions> = { registry: true, admit: true, maxInFlight: true, maxDepth: true, reserve: true, hookTimeoutMs: true, onError: true };

/**
 * Serves the requests of a listener: acknowledges each before its handler runs, then answers on the connection or at the hook.
 *
 * @param listener started; the service stops it
 * @throws `bad_field`
 */
export function serve<Args = unknown, Result = unknown>(listener: Listener, handler: RequestHandler<Args, Result>, options: ServeOptions = {}): Service {
  // a plain value in place of the listener would end the process, later and elsewhere
  if (typeof (listener as Partial<Listener> | null | undefined)?.nextConnection !== "function") throw badField('serve needs a listener, such as new UnixListener("/run/acomm/a.sock")');
  if (typeof handler !== "function") throw badField("serve needs a handler, a function from a request to its result");
  checkOptionNames(options, "serve", serveOptionNames);
  return new Service(listener, handler as RequestHandler, options);
}

/** A running service, made by {@link serve}. */
export class Service implements AsyncDisposable {
  readonly #handler: RequestHandler;
  readonly #reserve: ServeOptions["reserve"];
  readonly #registry: TransportRegistry;
  readonly #ownsRegistry: boolean;
  readonly #admit: TargetPolicy;
  readonly #maxInFlight: number;
  readonly #maxDepth: number;
  readonly #hookTimeoutMs: number;
  readonly #onError: ErrorHook | undefined;
  /** Those under way, each at its own `index`. */
  readonly #jobs: Job[] = [];
  /** Of the requests whose handlers look at their signals. */
  readonly #deadlines = new Deadlines<JobDeadline>((deadline) => { deadline.expired(); });
  /** What the jobs ask of this service. */
  readonly #owner: JobOwner = {
    run: (job) => this.#handler(job.request, job),
    succeed: (job, result, streamUrl, raw) => { this.#succeed(job, result, streamUrl, raw); },
    finish: (job, response) => { this.#finish(job, response); },
    discard: (job) => { this.#done(job); },
    watchDeadline: (deadline) => { this.#deadlines.add(deadline); },
    unwatchDeadline: (deadline) => { this.#deadlines.remove(deadline); },
    progressTo: ({ request }) => new HookProgress(request, { registry: this.#registry, admit: this.#admit, timeoutMs: this.#hookTimeoutMs }),
  };
  readonly #server: MessageServer;
  #stopping: Promise<StopReport> | undefined;
  #onIdle: (() => void) | undefined;

  /** @internal use {@link serve} */
  constructor(listener: Listener, handler: RequestHandler, options: ServeOptions) {
    this.#handler = handler;
    this.#reserve = options.reserve;
    this.#ownsRegistry = options.registry === undefined;
    this.#registry = options.registry ?? createRegistry();
    this.#admit = options.admit ?? admitTargets();
    this.#maxInFlight = checkCount(options.maxInFlight ?? 10_000, "maxInFlight");
    this.#maxDepth = checkDepth(options.maxDepth);
    this.#hookTimeoutMs = checkTimeoutMs(options.hookTimeoutMs ?? 5000, "hookTimeoutMs");
    this.#onError = options.onError;
    const acceptor: Acceptor = {
      accept: (text, start, end, connection) => this.#accept(text, start, end, connection),
      connectionEnded: (connection) => { this.#connectionEnded(connection); },
    };
    this.#server = new MessageServer(listener, acceptor);
  }

  /** Accepted requests without a delivered answer. */
  get inFlightCount(): number {
    return this.#jobs.length;
  }

  /**
   * Refuses new requests as `stopping`, waits for those under way, then closes. After `graceMs` it aborts what is left, cuts its
   * connections and reports it. Idempotent.
   *
   * @throws `bad_field`
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #accept(text: string, start: number, end: number, connection: ServerConnection): AcceptedWork {
    const request = decodeRequest(text, start, end, this.#maxDepth);
    const cancelled = cancelledId(request);
    if (cancelled !== undefined) return this.#cancel(request, cancelled, connection);
    if (this.#stopping !== undefined) throw stoppingError();
    if (this.#jobs.length >= this.#maxInFlight) throw new AcommError("overloaded", `the service has ${this.#maxInFlight} requests under way: try again later`);
    const bytes = end - start;
    const refusal = connection.connection.refusal(bytes);
    if (refusal !== undefined) throw refusal;
    const release = this.#reserve?.(request);
    connection.connection.hold(bytes);
    const job = new Job(request, connection, this.#owner, this.#jobs.length, bytes, release);
    this.#jobs.push(job);
    if (job.answersHere) connection.openAnswers += 1;
    return job;
  }

  /** A request that takes another one back (wire 2.4): one that came by the same connection, and no other. */
  #cancel(request: Request, id: string, connection: ServerConnection): AcceptedWork {
    const { carriesAnswers, route } = connection.connection;
    const answersHere = request.ext?.["reply"] === true && carriesAnswers !== false;
    return {
      answersHere,
      start: () => {
        const job = this.#jobs.find((other) => other.connection === connection && other.answersHere && other.request.id === id);
        job?.cancel(new AcommError("cancelled", "the caller cancelled the request"));
        if (answersHere) connection.answer(encodeReply(request, String(job !== undefined)), route);
      },
      discard: () => undefined,
    };
  }

  /** Answers a job whose handler gave a result. */
  #succeed(job: Job, result: unknown, streamUrl: AcommUrl | null, raw?: RawJson): void {
    if (job.isUnwanted) {
      this.#done(job); // nobody wants it any more
      return;
    }
    if (!job.answersHere || streamUrl !== null || !job.connection.isOpen) {
      this.#finish(job, { id: job.request.id, error: "", result, streamUrl, raw });
      return;
    }
    try {
      job.connection.answer(encodeReply(job.request, raw === undefined ? encodeJson(result, "result") : raw.text), job.route);
    } catch (cause) {
      // a result that is too large, or is no JSON
      this.#explainHere(job, cause);
    }
    this.#done(job);
  }

  /** Delivers the answer of a job, to where it can be delivered. */
  #finish(job: Job, response: Response): void {
    const { request, connection } = job;
    if (job.isUnwanted) {
      this.#done(job);
    } else if (job.answersHere && connection.isOpen) {
      this.#answerHere(job, response);
      this.#done(job);
    } else if (request.responseHook === null || job.isOverdue) {
      this.#done(job); // nobody asked for an answer, nobody is left to get it, or whoever waited for it has given up
    } else {
      void this.#deliver(job, response);
    }
  }

  #answerHere(job: Job, response: Response): void {
    try {
      job.connection.answer(encodeResponse(response, { reply: true }), job.route);
    } catch (cause) {
      this.#explainHere(job, cause);
    }
  }

  #explainHere(job: Job, error: unknown): void {
    try {
      job.connection.answer(encodeResponse(createResponse(job.request, { error }), { reply: true }), job.route);
    } catch (cause) {
      // not even the error fits a frame: the caller learns from the end of the connection
      report(this.#onError, new AcommError("undeliverable", `the response to request ${JSON.stringify(job.request.id)} (${job.request.task}) fits no frame: raise maxFrameBytes`, { cause }));
      job.connection.close();
    }
  }

  async #deliver(job: Job, response: Response): Promise<void> {
    try {
      await job.hookProgress?.end();
      await deliverResponse(job.request, response, { registry: this.#registry, admit: this.#admit, timeoutMs: this.#hookTimeoutMs, signal: job.signal });
    } catch (error) {
      job.isUndelivered = isWorthAnotherTry(error);
      report(this.#onError, error as AcommError);
    } finally {
      this.#done(job);
    }
  }

  #done(job: Job): void {
    const { index } = job;
    if (this.#jobs[index] !== job) return;
    const last = this.#jobs.pop();
    if (last !== undefined && last !== job) {
      this.#jobs[index] = last;
      last.index = index;
    }
    const { connection } = job.connection;
    connection.hold(-job.bytes);
    connection.settled?.(job.route, !job.isUndelivered);
    job.ended();
    if (job.answersHere) job.connection.openAnswers -= 1;
    if (this.#jobs.length === 0) this.#onIdle?.();
  }

  #connectionEnded(connection: ServerConnection): void {
    if (connection.openAnswers === 0) return; // a peer of one message a connection has closed it in order
    for (const job of [...this.#jobs]) {
      if (job.connection !== connection || !job.answersHere) continue;
      if (job.request.responseHook === null) job.cancel(callerGone());
      else void this.#abortIfGone(job, job.request.responseHook);
    }
  }

  /** A caller that named a hook may be gone all the same: where nobody listens at the hook, nobody wants the answer. */
  async #abortIfGone(job: Job, hook: NonNullable<Request["responseHook"]>): Promise<void> {
    try {
      await checkTarget(this.#admit, hook, "response");
      if ((await this.#registry.lookup(hook).probe?.(hook)) === false) job.cancel(callerGone());
    } catch {
      // a hook that can't be looked at is left to the delivery, which reports what is wrong with it
    }
  }

  async #stop(graceMs: number): Promise<StopReport> {
    const cut: CutWork[] = [];
    const cutConnections = new Set<ServerConnection>();
    const ready = this.#idle(graceMs).then(() => {
      const now = performance.now();
      for (const job of [...this.#jobs]) {
        cut.push({ id: job.request.id, task: job.request.task, ageMs: now - job.startedAt });
        if (job.connection.isOpen) cutConnections.add(job.connection);
        job.abort(new AcommError("stopping", `the service stopped and did not wait longer than ${graceMs} ms`));
      }
    });
    await this.#server.stop(ready, { graceMs });
    this.#jobs.length = 0;
    this.#deadlines.clear();
    if (this.#ownsRegistry) await this.#registry.close();
    return { cut, cutConnections: cutConnections.size };
  }

  #idle(graceMs: number): Promise<void> {
    if (this.#jobs.length === 0 || graceMs === 0) return Promise.resolve();
    return withinGrace(graceMs, (over) => { this.#onIdle = over; });
  }
}

function callerGone(): AcommError {
  return new AcommError("cancelled", "the caller went away");
}

/** Whether what a delivery failed with may be gone later: the hook may be back then, its policy and its text stay what they are. */
function isWorthAnotherTry(error: unknown): boolean {
  const cause = error instanceof AcommError ? error.cause : undefined;
  return cause instanceof AcommError && (cause.retryable || cause.code === "ambiguous" || cause.code === "timeout" || cause.code === "cancelled");
}
