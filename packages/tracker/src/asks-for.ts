import { checkTrace } from "@acomm/protocol";
import type { RequestAsks } from "@acomm/protocol";
import type { ForwardOptions } from "./tracker-options.ts";

/** What a call asks for beside its time; undefined where it asks for nothing. @throws `bad_field` */
export function asksFor({ onProgress, idleTimeoutMs, parent, trace = parent?.trace, hops }: ForwardOptions): RequestAsks | undefined {
  const progress = onProgress !== undefined || idleTimeoutMs !== undefined;
  if (!progress && trace === undefined && hops === undefined) return undefined;
  return { progress, trace: trace === undefined ? undefined : checkTrace(trace), hops };
}
