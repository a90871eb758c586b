import type { AcommError } from "@acomm/protocol";
import { channel } from "node:diagnostics_channel";

/** Gets a failure that no caller can receive. What it throws or rejects with is ignored. */
export type ErrorHook = (error: AcommError) => unknown;

/** The channel of `node:diagnostics_channel` for failures that no caller can receive, as `{ error }`. */
export const errorChannelName = "acomm:error";

/** @internal Reports a failure that no caller can receive; never throws. */
export function report(onError: ErrorHook | undefined, error: AcommError): void {
  channel(errorChannelName).publish({ error });
  try {
    const outcome = onError?.(error);
    if (outcome !== undefined) Promise.resolve(outcome).catch(() => undefined);
  } catch {
    // there is nobody left to tell
  }
}
