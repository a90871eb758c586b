import type { RequestAsks } from "@acomm/protocol";
import { headers } from "@nats-io/transport-node";
import type { MsgHdrs } from "@nats-io/transport-node";

/** What was left of the caller's time, in milliseconds. */
const timeoutHeader = "Acomm-Timeout";

let lastTimeoutMs: number | undefined;
let lastHeaders: MsgHdrs | undefined;

/**
 * What a request asks for as headers too, where tools of NATS find it: its time, and its trace as W3C Trace Context names it. The
 * text says the same, and counts.
 */
export function requestHeaders(asks: Pick<RequestAsks, "timeoutMs" | "trace"> | undefined): MsgHdrs | undefined {
  if (asks === undefined) return undefined;
  const { timeoutMs, trace } = asks;
  if (trace === undefined) {
    // most requests say the same
    if (timeoutMs === undefined) return undefined;
    if (timeoutMs === lastTimeoutMs) return lastHeaders;
  }
  const fields = headers();
  if (timeoutMs !== undefined) fields.set(timeoutHeader, String(Math.ceil(timeoutMs)));
  if (trace === undefined) {
    lastTimeoutMs = timeoutMs;
    lastHeaders = fields;
  } else {
    fields.set("traceparent", trace.traceparent);
    const { tracestate = "" } = trace;
    if (/^[ -~]+$/.test(tracestate)) fields.set("tracestate", tracestate); // what is no header stays in the text
  }
  return fields;
}
