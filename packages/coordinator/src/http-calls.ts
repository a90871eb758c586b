import { AcommError, asksOf, createResponse, encodeJson, encodeResponse, parseJson } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import type { CallParent, CutWork, HttpExchange } from "@acomm/transport";
import { abortControllerOfMany } from "./abort-controller-of-many.ts";
import { EventStream } from "./event-stream.ts";
import type { Forwarder } from "./forwarder.ts";
import { HookAnswer } from "./hook-answer.ts";
import type { HookAnswerInit } from "./hook-answer.ts";
import { readAnswerWish } from "./wait-preference.ts";
import type { AnswerWish } from "./wait-preference.ts";

/** What {@link HttpCalls} work with. */
export interface HttpCallsInit {
  readonly forwarder: Forwarder;
  /** How answers go to hooks. */
  readonly hooks: HookAnswerInit;
  readonly defaultTimeoutMs: number;
  /** How many calls may be under way, and how many of them may hold a connection. */
  readonly maxInFlight: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly heartbeatMs: number;
}

/** A call from outside while it is under way: what is done for it ends with it. */
class HttpCall implements CallParent {
  readonly request: Request;
  readonly startedAt: number = performance.now();
  readonly deadline: number;
  readonly trace: CallParent["trace"];
  readonly #controller = new AbortController();

  constructor(request: Request, timeoutMs: number, trace: CallParent["trace"]) {
    this.request = request;
    this.trace = trace;
    this.deadline = this.startedAt + timeoutMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: AcommError): void {
    this.#controller.abort(reason);
  }
}

/** Takes the requests that come over HTTP, and answers each on its connection, as events there, or at its hook. */
export class HttpCalls {
  readonly #init: HttpCallsInit;
  readonly #calls = new Set<HttpCall>();
  /** Ends the deliveries that a stop doesn't wait for any longer. */
  readonly #graceOver = abortControllerOfMany();
  #waiting = 0;
  #isStopping = false;
  #onIdle: (() => void) | undefined;

  constructor(init: HttpCallsInit) {
    this.#init = init;
  }

  get inFlightCount(): number {
    return this.#calls.size;
  }

  /** Takes a request, or throws the AcommError that refuses it; settles when the exchange may end. */
  // an arrow, so that it can be handed to createRequestHandler
  readonly accept = async (request: Request, { incoming, outgoing }: HttpExchange): Promise<void> => {
    const { forwarder, maxInFlight, maxWaiting, maxWaitMs, defaultTimeoutMs } = this.#init;
    if (this.#isStopping) throw new AcommError("stopping", "the coordinator is stopping: send the request elsewhere");
    const wish = readAnswerWish(incoming);
    const { timeoutMs, trace } = asksOf(request);
    forwarder.check(request, true);
    if (this.#calls.size >= maxInFlight) throw new AcommError("overloaded", `the coordinator has ${maxInFlight} requests from outside under way: try again later`);
    if (wish.waitMs === undefined) {
      void this.#runFor(new HttpCall(request, timeoutMs ?? defaultTimeoutMs, trace), timeoutMs !== undefined); // the acknowledgement doesn't wait for it
      return;
    }
    if (this.#waiting >= maxWaiting) throw new AcommError("overloaded", `${maxWaiting} callers have their connections held: try again later, or name a response hook`);
    this.#waiting += 1;
    try {
      await this.#hold({ incoming, outgoing }, wish, new HttpCall(request, Math.min(wish.waitMs, maxWaitMs, timeoutMs ?? Infinity), trace));
    } finally {
      this.#waiting -= 1;
    }
  };

  /** Takes no more and waits for those that are there; after `graceMs` ends them, and says which they were. */
  async stop(graceMs: number): Promise<CutWork[]> {
    this.#isStopping = true;
    if (this.#calls.size > 0 && graceMs > 0) await this.#idle(graceMs);
    const cut = [...this.#calls].map(({ request: { id, task }, startedAt }) => ({ id, task, ageMs: performance.now() - startedAt }));
    const reason = new AcommError("stopping", `the coordinator stopped and did not wait longer than ${graceMs} ms`, { retryable: false });
    this.#graceOver.abort(reason);
    for (const call of this.#calls) call.abort(reason);
    if (this.#calls.size > 0) await this.#idle(100); // what they end with is still told
    return cut;
  }

  #idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Runs a request whose answer goes to its hook, or to nobody. */
  async #runFor(call: HttpCall, isTimed: boolean): Promise<void> {
    const { forwarder, hooks } = this.#init;
    const { request } = call;
    const hook = new HookAnswer(request, hooks);
    this.#calls.add(call);
    try {
      const response = await forwarder.forward(request, call, hook.onProgress);
      if (request.responseHook === null) return;
      await hook.deliver(answerOf(request, forwarder.forOutside(response)), { deadline: isTimed ? call.deadline : undefined, signal: this.#graceOver.signal });
    } finally {
      this.#end(call);
    }
  }

  /** Holds the connection until there is an answer; whoever closes it takes the request back. */
  async #hold({ outgoing }: HttpExchange, { isPreference, takesEvents }: AnswerWish, call: HttpCall): Promise<void> {
    const { forwarder, heartbeatMs } = this.#init;
    const { request } = call;
    this.#calls.add(call);
    const onClose = (): void => { call.abort(new AcommError("cancelled", "the caller went away")); };
    outgoing.once("close", onClose);
    try {
      if (isPreference) outgoing.setHeader("preference-applied", `wait=${Math.floor((call.deadline - call.startedAt) / 1000)}`);
      const events = takesEvents ? new EventStream(outgoing, heartbeatMs) : undefined;
      const onProgress = events === undefined ? undefined : (value: unknown): void => { events.offer("progress", encodeJson(value, "progress")); };
      const response = await forwarder.forward(request, call, onProgress);
      outgoing.off("close", onClose);
      if (outgoing.destroyed) return;
      const text = encodeResponse(answerOf(request, forwarder.forOutside(response)));
      if (events !== undefined) events.end("response", text);
      else outgoing.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text), "x-content-type-options": "nosniff", "cache-control": "no-store" }).end(text);
    } finally {
      this.#end(call);
    }
  }

  #end(call: HttpCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onIdle?.();
  }
}

/** The response under the id of its request. What a provider wrote as its result is looked at before it leaves the machine. */
function answerOf(request: Request, response: Response): Response {
  try {
    if (response.raw !== undefined && Object.is(response.raw.value, response.result)) parseJson(response.raw.text);
    return { ...response, id: request.id };
  } catch (cause) {
    return createResponse(request, { error: new AcommError("bad_json", "the result of the provider is not JSON", { cause }) });
  }
}
