import { AcommError, encodeUrl, parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { cancelledError, checkSignal, checkTimeoutMs } from "@acomm/transport";
import type { Transport, TransportRegistry } from "@acomm/transport";
import { performance } from "node:perf_hooks";
import { asksFor } from "./asks-for.ts";
import { Call } from "./call.ts";
import type { CallInit, CallOutcome, CallOwner } from "./call.ts";
import { sendAgain } from "./send-again.ts";
import type { CallOptions, ForwardOptions } from "./tracker-options.ts";

/** What the {@link Calls} of a tracker work with. */
export interface CallsInit {
  readonly owner: CallOwner;
  readonly registry: TransportRegistry;
  readonly defaultTimeoutMs: number;
  /** @throws unless calls may be made now */
  readonly checkRunning: () => void;
}

/** Where calls go. */
interface Target {
  readonly url: AcommUrl;
  readonly transport: Transport;
}

/** How many spellings of addresses are remembered. */
const maxTargets = 1024;

/** Makes the calls of a tracker: checks what is given, finds the transport, and hands the call over to it. */
export class Calls {
  /** The JSON of the hook that calls name where their answer can't come on the connection. */
  hook = "null";
  readonly #init: CallsInit;
  readonly #targets = new Map<string, Target>();
  /** The last one that was called: most calls go where the one before went. */
  #lastUrl: string | undefined;
  #lastTarget: Target | undefined;
  /** Of the last call that asked for nothing beside its time: most are made alike. */
  #lastInit: CallInit | undefined;

  constructor(init: CallsInit) {
    this.#init = init;
  }

  /** Calls a task; see `Tracker.request`. The arguments are written down here: what is changed inside them later is not sent. */
  call(url: string | URL, options: CallOptions, outcome: CallOutcome): Promise<unknown> {
    return options.retryForMs === undefined ? this.#begin(url, options, options, outcome) : this.#callAgain(url, options, options, outcome);
  }

  /** Sends a request on; see `Tracker.forward`. */
  forward(url: string | URL, request: Request, options: ForwardOptions): Promise<Response> {
    return (options.retryForMs === undefined ? this.#begin(url, request, options, "forwarded") : this.#callAgain(url, request, options, "forwarded")) as Promise<Response>;
  }

  /** A URL and its transport, found once for every spelling that is used. @throws `bad_field`, `unknown_scheme` */
  target(given: string | URL): Target {
    const url = (given as Partial<URL> | undefined)?.href ?? (given as string); // a URL object may have been changed since the last call
    if (url === this.#lastUrl && this.#lastTarget !== undefined) return this.#lastTarget;
    let target = this.#targets.get(url);
    if (target === undefined) {
      const parsed = parseUrl(url);
      target = { url: parsed, transport: this.#init.registry.lookup(parsed) };
      if (this.#targets.size >= maxTargets) this.#targets.clear();
      this.#targets.set(url, target);
    }
    this.#lastUrl = url;
    this.#lastTarget = target;
    return target;
  }

  #callAgain(url: string | URL, message: CallOptions | Request, options: ForwardOptions, outcome: CallOutcome): Promise<unknown> {
    const { retryForMs = 1, timeoutMs = this.#init.defaultTimeoutMs } = options;
    return sendAgain({ ...options, timeoutMs, retryForMs }, (leftMs) => this.#begin(url, message, { ...options, timeoutMs: leftMs }, outcome));
  }

  #begin(url: string | URL, message: CallOptions | Request, options: ForwardOptions, outcome: CallOutcome): Promise<unknown> {
    return new Promise((resolve, reject) => { this.#start(url, message, options, outcome, resolve, reject); });
  }

  #start(url: string | URL, message: CallOptions | Request, options: ForwardOptions, outcome: CallOutcome, resolve: (value: unknown) => void, reject: (error: AcommError) => void): void {
    const { owner, checkRunning, defaultTimeoutMs } = this.#init;
    const { signal, responseHook, parent, onProgress, idleTimeoutMs } = options;
    const { url: target, transport } = this.target(url);
    checkRunning();
    let timeoutMs = checkTimeoutMs(options.timeoutMs ?? defaultTimeoutMs);
    if (idleTimeoutMs !== undefined) checkTimeoutMs(idleTimeoutMs, "idleTimeoutMs");
    if (signal !== undefined) checkSignal(signal);
    if (parent !== undefined && parent.attach === undefined) checkSignal(parent.signal);
    if (signal?.aborted === true) throw cancelledError(`request ${message.task}`, signal);
    if (parent?.deadline !== undefined) {
      timeoutMs = Math.min(timeoutMs, parent.deadline - performance.now());
      if (timeoutMs <= 0) throw new AcommError("timeout", `request ${message.task}: not sent, the time of the request that it is made for is over`);
      timeoutMs = Math.max(timeoutMs, 1);
    }
    const hook = responseHook === undefined ? this.hook : encodeUrl(parseUrl(responseHook, { field: "responseHook" }));
    const asks = asksFor(options);
    let init = this.#lastInit;
    if (asks !== undefined || init?.timeoutMs !== timeoutMs || init.outcome !== outcome || init.hook !== hook) {
      init = { hook, timeoutMs, idleTimeoutMs, outcome, asks, onProgress };
      if (asks === undefined) this.#lastInit = init;
    }
    const call = new Call(owner, message, init, resolve, reject);
    owner.pending.add(call);
    if (signal !== undefined) call.watch(signal);
    if (parent !== undefined) call.follow(parent);
    if (call.isSettled) return; // its parent has ended
    if (transport.call !== undefined && responseHook === undefined) transport.call(target, call);
    else void this.#send(target, transport, call, timeoutMs);
    call.isNew = false;
  }

  /** Sends a call whose answer can only come to a hook. */
  async #send(target: AcommUrl, transport: Transport, call: Call, timeoutMs: number): Promise<void> {
    try {
      const ack = await transport.send(target, call.encodeForHook(), { timeoutMs });
      if (ack.error === "") call.accepted();
      else call.refused(ack.error);
    } catch (error) {
      call.failed(error as AcommError);
    }
  }
}
