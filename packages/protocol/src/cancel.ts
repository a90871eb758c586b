import { AcommError } from "./acomm-error.ts";
import type { Request } from "./request.ts";

/** The task that takes a request back which came by the same connection (wire 2.4); sent only where the peer announced it. */
export const cancelTask = "acomm.cancel";

/** The JSON text of the request that cancels the one with that id. Nobody waits for its answer. */
export function encodeCancel(id: string): string {
  return `{"id":"${crypto.randomUUID()}","task":"${cancelTask}","responsehook":null,"stream_url":null,"args":{"id":${JSON.stringify(id)}}}`;
}

/** The id that a request cancels; undefined where it is a request like any other. @throws AcommError `bad_field` where it names none */
export function cancelledId({ task, args }: Pick<Request, "task" | "args">): string | undefined {
  if (task !== cancelTask) return undefined;
  const { id } = (args ?? {}) as { readonly id?: unknown };
  if (typeof id === "string") return id;
  throw new AcommError("bad_field", `args.id must be the id of the request that ${cancelTask} takes back`);
}
