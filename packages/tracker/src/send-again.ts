import { AcommError } from "@acomm/protocol";
import { checkTimeoutMs, delay } from "@acomm/transport";
import { performance } from "node:perf_hooks";
import type { CallLimits } from "./tracker-options.ts";

/** The pauses between two attempts, in milliseconds: the first one, and how long they get. */
const firstPauseMs = 2;
const maxPauseMs = 100;

/**
 * Makes a call again as long as it fails with what may be sent again, for `retryForMs`; all attempts share one time.
 *
 * @param attempt makes the call within that many milliseconds
 */
export async function sendAgain<Value>(limits: CallLimits & { readonly timeoutMs: number; readonly retryForMs: number }, attempt: (timeoutMs: number) => Promise<Value>): Promise<Value> {
  const { timeoutMs, signal, parent } = limits;
  const startedAt = performance.now();
  const retryUntil = startedAt + checkTimeoutMs(limits.retryForMs, "retryForMs");
  const until = startedAt + checkTimeoutMs(timeoutMs);
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
    try {
      return await attempt(Math.max(until - performance.now(), 1));
    } catch (error) {
      const waitMs = pauseMs * (0.5 + Math.random());
      if (!(error instanceof AcommError) || !error.retryable || performance.now() + waitMs > Math.min(retryUntil, until)) throw error;
      await delay(waitMs, signal ?? parent?.signal);
    }
  }
}
