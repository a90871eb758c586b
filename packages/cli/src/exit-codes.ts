import type { AcommError } from "@acomm/protocol";
import { UsageError } from "./usage-error.ts";

/** With what the command `acomm` exits. The numbers are stable: scripts branch on them. */
export const exitCodes: Readonly<Record<"result" | "remote" | "usage" | "timeout" | "unavailable" | "interrupted", number>> = {
  /** There is a result; a server drained and lost nothing. */
  result: 0,
  /** The task failed, or whether it ran is in doubt; a stream was cut; a server had to cut what was under way. */
  remote: 1,
  /** An argument, an option, a setting or the socket directory is wrong: nothing was sent. */
  usage: 2,
  /** No outcome within `--timeout`. */
  timeout: 3,
  /** It surely did not run, or may be sent again: nobody is there, nobody serves the task, or who does takes no more now. */
  unavailable: 4,
  /** A signal ended it. */
  interrupted: 130,
};

/** Whether an error is the library's, by its name: the command starts faster where it need not load the library to fail. */
export function isAcommError(error: unknown): error is AcommError {
  return error instanceof Error && error.name === "AcommError";
}

/** The exit code of a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (!isAcommError(error)) return exitCodes.remote;
  if (error.retryable) return exitCodes.unavailable;
  switch (error.code) {
    case "timeout":
      return exitCodes.timeout;
    case "unknown_task":
      return exitCodes.unavailable;
    case "bad_address":
    case "unknown_scheme":
      return exitCodes.usage;
    default:
      return exitCodes.remote;
  }
}
