import type { AcommError, Request, Response } from "@acomm/protocol";
import { deliverResponse, report } from "@acomm/transport";
import type { ErrorHook, TargetPolicy, TransportRegistry } from "@acomm/transport";

/** How a response is delivered to the hook of its request. */
export interface DeliveryInit {
  readonly registry: TransportRegistry;
  readonly admit: TargetPolicy;
  readonly onError: ErrorHook | undefined;
}

/** How long a hook is tried for a request that doesn't say how much time it has, and at least, in milliseconds. */
const untimedMs = 30_000;
const leastMs = 1000;

/**
 * Delivers a response to its request's hook, again and again while nobody listens there and the request's time is not over;
 * what can't be delivered is reported. Never rejects.
 *
 * @param options.deadline when the time of the request is over, on the clock of `performance.now()`; undefined where it has none
 */
export async function deliver(request: Request, response: Response, options: DeliveryInit & { readonly deadline: number | undefined; readonly signal: AbortSignal }): Promise<void> {
  const { registry, admit, onError, deadline, signal } = options;
  const timeoutMs = deadline === undefined ? untimedMs : Math.max(deadline - performance.now(), leastMs);
  try {
    await deliverResponse(request, response, { registry, admit, timeoutMs, signal });
  } catch (error) {
    report(onError, error as AcommError);
  }
}
