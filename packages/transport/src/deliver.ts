import { AcommError, createResponse, decodeErrorText, encodeResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import type { TransportRegistry } from "./registry.ts";
import { checkTarget } from "./target-policy.ts";
import type { TargetPolicy } from "./target-policy.ts";
import { delay } from "./wait.ts";

/** @internal What {@link deliverResponse} takes. */
export interface DeliverOptions {
  /** Which transports there are. */
  readonly registry: TransportRegistry;
  /** Which hooks may be opened. */
  readonly admit: TargetPolicy;
  /** How long to try, in milliseconds: a hook where nobody listens may come back. */
  readonly timeoutMs: number;
  /** Ends the delivery where it is. */
  readonly signal?: AbortSignal | undefined;
}

/** How often a response is written whose acknowledgement got lost. */
const maxAmbiguous = 3;

/**
 * @internal Delivers a response to the request's hook, if the policy admits it, and tries again for a while where nobody listens, or
 * where the exchange broke off: a tracker takes the answer to a request once and refuses it then with `unknown_id`. A
 * response that can't be written becomes one that says so.
 *
 * @throws `forbidden_target`, `undeliverable`
 */
export async function deliverResponse(request: Request, response: Response, options: DeliverOptions): Promise<void> {
  const { registry, admit, timeoutMs, signal } = options;
  const hook = request.responseHook;
  const what = `the response to request ${JSON.stringify(request.id)} (${request.task})`;
  if (hook === null) throw new AcommError("undeliverable", `${what} has no hook to go to`);
  await checkTarget(admit, hook, "response");
  try {
    let text = encodeOrExplain(request, response);
    let isExplained = false;
    const ambiguous: AcommError[] = [];
    const until = performance.now() + timeoutMs;
    for (let pauseMs = 10; ; pauseMs = Math.min(2 * pauseMs, 500)) {
      try {
        const ack = await registry.lookup(hook).send(hook, text, { timeoutMs: Math.max(until - performance.now(), 1), signal });
        if (ack.error !== "") throw decodeErrorText(ack.error);
        return;
      } catch (error) {
        if (error instanceof AcommError && error.code === "frame_too_large" && response.error === "" && !isExplained) {
          isExplained = true;
          text = encodeResponse(createResponse(request, { error }));
          continue;
        }
        if (!(error instanceof AcommError)) throw error;
        if (error.code === "unknown_id" && ambiguous.length > 0) return; // what may have arrived has arrived
        if (error.code === "ambiguous") ambiguous.push(error);
        else if (error.code !== "unavailable") throw error;
        if (ambiguous.length >= maxAmbiguous || performance.now() + pauseMs > until) throw ambiguous[0] ?? error;
        await delay(pauseMs * (0.5 + Math.random()), signal);
      }
    }
  } catch (error) {
    throw new AcommError("undeliverable", `${what} was not delivered: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function encodeOrExplain(request: Request, response: Response): string {
  try {
    return encodeResponse(response);
  } catch (error) {
    return encodeResponse(createResponse(request, { error }));
  }
}
