import { badField } from "./acomm-error.ts";
import type { Request } from "./request.ts";

/** The task that cancels a request of the same connection, where the peer has announced it (wire 2.4). */
export const cancelTask = "acomm.cancel";

/** The text of a request that cancels the one with that id. Nobody waits for its answer. */
export function encodeCancel(id: string): string {
  return `{"id":"${crypto.randomUUID()}","task":"${cancelTask}","responsehook":null,"stream_url":null,"args":{"id":${JSON.stringify(id)}}}`;
}

/** @internal The id that a request cancels; undefined where it is a request like any other. @throws `bad_field` where it names none */
export function cancelledId({ task, args }: Pick<Request, "task" | "args">): string | undefined {
  if (task !== cancelTask) return undefined;
  const { id } = (args ?? {}) as { readonly id?: unknown };
  if (typeof id === "string") return id;
  throw badField(`args.id must be the id of the request that ${cancelTask} takes back`);
}
