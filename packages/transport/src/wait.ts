import { AcommError, badField, defaultMaxDepth } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { PatientTimer } from "./patient-timer.ts";
import type { WaitOptions } from "./transport.ts";

/** The longest time that a timer of Node takes, in milliseconds. */
const maxTimeoutMs = 2 ** 31 - 1;

/** @internal A duration that a timer may be armed with. @throws `bad_field` for NaN, less than 1 or more than 2^31-1. */
export function checkTimeoutMs(value: number, field = "timeoutMs"): number {
  if (typeof value === "number" && value >= 1 && value <= maxTimeoutMs) return value;
  throw badField(`${field} must be a number of milliseconds from 1 to ${maxTimeoutMs}, but is ${shown(value)}`);
}

/** @internal The grace of a stop. @throws `bad_field` unless it is 0 to 2^31-1 */
export function checkGraceMs(value = 10_000): number {
  return value === 0 ? 0 : checkTimeoutMs(value, "graceMs");
}

/** @internal A whole number of at least `least`. @throws `bad_field` */
export function checkCount(value: number, field: string, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw badField(`${field} must be a whole number of at least ${least}, but is ${shown(value)}`);
}

/** @internal How deep a message may nest: 1 to 5000, which no stack of Node is too small for. @throws `bad_field` */
export function checkDepth(value: number | undefined): number {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1 && value <= 5000)) return value ?? defaultMaxDepth;
  throw badField(`maxDepth must be a whole number from 1 to 5000, but is ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : `a ${typeof value}`;
}

/** @internal A signal. @throws `bad_field` */
export function checkSignal(signal: AbortSignal): AbortSignal {
  if (typeof (signal as Partial<AbortSignal> | null)?.addEventListener === "function") return signal;
  throw badField("signal must be an AbortSignal: of an AbortController, give its signal");
}

/** The error of what listens and is started after its stop. */
export function stoppedError(name = "listener"): AcommError {
  return new AcommError("stopping", `the ${name} was stopped: make a new one`);
}

/** What a receiver that is stopping says. */
export function stoppingError(): AcommError {
  return new AcommError("stopping", "the receiver is stopping: send it elsewhere");
}

/** Why a listener ends a connection that was not done when its grace was over. */
export function cutError(): AcommError {
  return new AcommError("stopping", "the listener stopped and cut the connection");
}

/** The error of a transport that was closed. */
export function closedError(): AcommError {
  return new AcommError("stopping", "the transport is closed: it sends no more", { retryable: false });
}

/** The URL of what listens, once it has one. @throws `unavailable` */
export function checkStarted(url: AcommUrl | undefined, name = "listener"): AcommUrl {
  if (url === undefined) throw new AcommError("unavailable", `the ${name} has no URL before it is started: await ${name}.start()`);
  return url;
}

/** @internal The error of a wait that its signal ended. */
export function cancelledError(doing: string, signal: AbortSignal): AcommError {
  const reason: unknown = signal.reason;
  return reason instanceof AcommError ? reason : new AcommError("cancelled", `${doing}: cancelled by the caller`, { cause: reason });
}

/** The error of a wait that took too long. */
function timeoutError(doing: string, timeoutMs: number): AcommError {
  return new AcommError("timeout", `${doing}: no outcome within ${Math.round(timeoutMs)} ms`);
}

/**
 * @internal Waits for what `start` settles, no longer than the options say. `start` gets the two ways to settle and gives what is
 * to be undone when the wait ends early.
 */
export function waitFor<Value>(
  doing: string,
  options: WaitOptions,
  start: (resolve: (value: Value) => void, reject: (error: Error) => void) => ((error: AcommError) => void) | undefined,
): Promise<Value> {
  const { signal, timeoutMs } = options;
  return new Promise<Value>((resolve, reject) => {
    if (timeoutMs !== undefined) checkTimeoutMs(timeoutMs);
    if (signal !== undefined) checkSignal(signal);
    if (signal?.aborted === true) {
      reject(cancelledError(doing, signal));
      return;
    }
    let timer: PatientTimer | undefined;
    let undo: ((error: AcommError) => void) | undefined = undefined;
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      timer?.clear();
      signal?.removeEventListener("abort", onAbort);
    };
    const cutShort = (error: AcommError): void => {
      if (isOver) return;
      finish();
      reject(error);
      undo?.(error);
    };
    const onAbort = (): void => {
      if (signal !== undefined) cutShort(cancelledError(doing, signal));
    };
    signal?.addEventListener("abort", onAbort);
    if (timeoutMs !== undefined) timer = new PatientTimer(timeoutMs, () => { cutShort(timeoutError(doing, timeoutMs)); });
    const fail = (error: Error): void => {
      if (isOver) return;
      finish();
      reject(error);
    };
    try {
      undo = start((value) => {
        if (isOver) return;
        finish();
        resolve(value);
      }, fail);
    } catch (error) {
      fail(error as Error);
    }
  });
}

/** @internal Waits a while; the timer keeps the process alive. @throws `cancelled` */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return waitFor<undefined>("wait", { signal }, (resolve) => {
    const timer = setTimeout(() => { resolve(undefined); }, ms);
    return () => { clearTimeout(timer); };
  });
}
