import { AcommError } from "acomm";

/** What to do about a call that failed. */
export function adviceFor(error: unknown): string {
  if (!(error instanceof AcommError)) throw error; // not from here: a mistake in the program
  if (error.retryable) return "send it again"; // it surely did not run, or the task says so
  switch (error.code) {
    case "ambiguous":
    case "timeout":
      return "it may have run, find out";
    case "remote":
      return "the task says no, tell the user";
    case "cancelled":
      return "nothing, that was you";
    default:
      return "correct the program"; // bad_field, unknown_task, bad_address, frame_too_large …
  }
}
