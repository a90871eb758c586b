import { AcommError } from "@acomm/protocol";
import { errors } from "@nats-io/transport-node";

/** What an error of the client library means before anything was sent. */
export function translateNatsError(error: unknown, doing: string): AcommError {
  if (error instanceof AcommError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  if (isNoResponders(cause)) return new AcommError("unavailable", `${doing}: nobody listens there`, { cause });
  if (cause instanceof errors.TimeoutError) return new AcommError("timeout", `${doing}: ${cause.message}`, { cause });
  if (cause instanceof errors.InvalidSubjectError || cause instanceof errors.InvalidArgumentError) return new AcommError("bad_field", `${doing}: ${cause.message}`, { cause });
  return new AcommError("unavailable", `${doing}: ${cause.message}`, { cause });
}

/** Whether a request of the client library found nobody at its subject. */
export function isNoResponders(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}
