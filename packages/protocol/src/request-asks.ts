import { badField } from "./acomm-error.ts";
import { kindOf } from "./fields.ts";
import type { Request } from "./request.ts";

/** The trace of a request (wire 2.7): the headers of W3C Trace Context. */
export interface TraceContext {
  /** `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`. */
  readonly traceparent: string;
  /** At most 512 characters. */
  readonly tracestate?: string | undefined;
}

/** What a request asks for beside its task; a receiver that doesn't know it ignores it. */
export interface RequestAsks {
  /** What was left of the caller's time (wire 2.3). */
  readonly timeoutMs?: number | undefined;
  /** Whether the caller takes progress (wire 2.6). */
  readonly progress?: boolean | undefined;
  /** The trace it belongs to (wire 2.7). */
  readonly trace?: TraceContext | undefined;
  /** How many coordinators have passed it on. */
  readonly hops?: number | undefined;
}

const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const maxTracestateLength = 512;
/** The longest time that a timer takes; whoever gives more gets this. */
const maxTimeoutMs = 2 ** 31 - 1;
const nothing: RequestAsks = Object.freeze({});

/** What a request that was read asks for. A trace that is not of the form counts as none. @throws `bad_field` naming the key */
export function asksOf({ ext }: Pick<Request, "ext">): RequestAsks {
  if (ext === undefined) return nothing;
  const { timeout, progress, trace, hops } = ext;
  if (timeout === undefined && progress === undefined && trace === undefined && hops === undefined) return nothing;
  return {
    timeoutMs: timeout == null ? undefined : Math.min(checkNumber(timeout, "timeout"), maxTimeoutMs),
    progress: progress === true,
    trace: isTrace(trace) ? trace : undefined,
    hops: hops == null ? undefined : checkNumber(hops, "hops"),
  };
}

/** What is asked for, as members of the JSON of `ext`, each with a comma before it. @throws `bad_field` naming the field */
export function encodeAsks(asks: RequestAsks): string {
  const { timeoutMs, progress, trace, hops } = asks;
  let text = "";
  if (timeoutMs !== undefined) text += `,"timeout":${Math.ceil(timeoutMs)}`;
  if (progress === true) text += ',"progress":true';
  if (trace !== undefined) text += `,"trace":${JSON.stringify(checkTrace(trace))}`;
  if (hops !== undefined && hops > 0) text += `,"hops":${hops}`;
  return text;
}

/** @internal Checks a trace context that is to be sent. @throws `bad_field` */
export function checkTrace(trace: TraceContext): TraceContext {
  if (isTrace(trace)) return trace.tracestate === undefined ? { traceparent: trace.traceparent } : { traceparent: trace.traceparent, tracestate: trace.tracestate };
  throw badField(`trace must have a traceparent as W3C Trace Context writes it, and a tracestate of at most ${maxTracestateLength} characters or none`);
}

function isTrace(value: unknown): value is TraceContext {
  if (typeof value !== "object" || value === null) return false;
  const { traceparent: parent, tracestate: state } = value as { readonly traceparent?: unknown; readonly tracestate?: unknown };
  return typeof parent === "string" && traceparent.test(parent) && (state === undefined || (typeof state === "string" && state.length <= maxTracestateLength));
}

function checkNumber(value: unknown, key: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw badField(`ext.${key} must be a number of at least 0, but is ${typeof value === "number" ? value : kindOf(value)}`);
}
