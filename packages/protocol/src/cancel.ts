import type { Request } from "./request.ts";

/** The task that takes a request back which came by the same connection (wire 2.4); sent only where the peer announced it. */
export const cancelTask = "acomm.cancel";

/** The JSON text of the request that cancels the one with that id. Nobody waits for its answer. */
export function encodeCancel(id: string): string {
  return `{"id":"${crypto.randomUUID()}","task":"${cancelTask}","responsehook":null,"stream_url":null,"args":{"id":${JSON.stringify(id)}}}`;
}

/** The id that a request cancels; undefined where it cancels nothing. */
export function cancelledId({ task, args }: Pick<Request, "task" | "args">): string | undefined {
  if (task !== cancelTask || typeof args !== "object" || args === null) return undefined;
  const { id } = args as { readonly id?: unknown };
  return typeof id === "string" ? id : undefined;
}
