import { asksOf } from "@acomm/protocol";
import type { AcommError, Request, Response } from "@acomm/protocol";
import { deliverResponse, HookProgress, report } from "@acomm/transport";
import type { ErrorHook, TargetPolicy, TransportRegistry } from "@acomm/transport";

/** What answers to hooks are delivered with. */
export interface HookAnswerInit {
  readonly registry: TransportRegistry;
  /** Which hooks may be opened. */
  readonly admit: TargetPolicy;
  readonly onError: ErrorHook | undefined;
}

/** How long a hook is tried for a request that doesn't say how much time it has, and at least, in milliseconds. */
const untimedMs = 30_000;
const leastMs = 1000;
/** How long one delivery of progress may take, in milliseconds. */
const progressTimeoutMs = 5000;

/** What goes to the hook of one request: progress, where it asks for that, and then its answer. */
export class HookAnswer {
  /** Undefined where the request doesn't take progress. */
  readonly onProgress: ((value: unknown) => void) | undefined;
  readonly #request: Request;
  readonly #init: HookAnswerInit;
  readonly #progress: HookProgress | undefined;

  constructor(request: Request, init: HookAnswerInit) {
    this.#request = request;
    this.#init = init;
    if (request.responseHook === null || asksOf(request).progress !== true) return;
    const progress = new HookProgress(request, { registry: init.registry, admit: init.admit, timeoutMs: progressTimeoutMs });
    this.#progress = progress;
    this.onProgress = (value) => { progress.add(value); };
  }

  /**
   * Delivers the response, again and again while nobody listens at the hook and the request's time is not over; what can't be
   * delivered is reported. Never rejects.
   *
   * @param options.deadline when the time of the request is over, on the clock of `performance.now()`; undefined where it has none
   */
  async deliver(response: Response, { deadline, signal }: { readonly deadline: number | undefined; readonly signal: AbortSignal }): Promise<void> {
    const { registry, admit, onError } = this.#init;
    const timeoutMs = deadline === undefined ? untimedMs : Math.max(deadline - performance.now(), leastMs);
    try {
      await this.#progress?.end();
      await deliverResponse(this.#request, response, { registry, admit, timeoutMs, signal });
    } catch (error) {
      report(onError, error as AcommError);
    }
  }
}
