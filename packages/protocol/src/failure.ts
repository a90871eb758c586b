import { AcommError, decodeErrorText, didNotRun, isErrorCode, withoutPaths } from "./acomm-error.ts";
import { encodeJson } from "./json-text.ts";
import type { Response } from "./response.ts";

/** What a response says of its error beside the text (wire 2.5). */
export interface Failure {
  /** An error code; `remote` for the peer's own errors. */
  readonly code: string;
  /** Whether the request may be sent again. */
  readonly retryable: boolean;
  /** More for programs: any JSON. */
  readonly details?: unknown;
  /** The errors below it, the nearest first. */
  readonly cause: readonly FailureCause[];
}

/** An error below another one. */
export interface FailureCause {
  /** Without paths. */
  readonly message: string;
  /** Left out for errors of others. */
  readonly code?: string | undefined;
}

/** How many causes cross the wire, and how much of the message of each, in characters. */
const maxCauses = 8;
const maxCauseLength = 1000;

/**
 * What an error says beside its text; undefined where it says nothing more. That something could not be reached or was
 * overloaded for the handler says nothing about the handler itself, so such an error is not passed on as one that may be sent
 * again. Details that can't be written as JSON are left out.
 */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof AcommError)) return undefined;
  try {
    const { code } = error;
    const retryable = error.retryable && !didNotRun.has(code);
    const details = snapshotOf(error.details);
    const cause = causesOf(error);
    if (!retryable && details === undefined && cause.length === 0) return undefined;
    return { code, retryable, ...(details === undefined ? undefined : { details }), cause };
  } catch {
    return undefined; // it is the application's, and its properties may be getters that throw
  }
}

/** Reads {@link Failure} from the extensions of a response; what is not of its form counts as not there. */
export function readFailure(ext: Readonly<Record<string, unknown>> | undefined): Failure | undefined {
  const given = ext?.["error"];
  if (!isRecord(given)) return undefined;
  const { code, retryable, details, cause } = given;
  return {
    code: typeof code === "string" ? code : "remote",
    retryable: retryable === true,
    ...(details === undefined || details === null ? undefined : { details }),
    cause: Array.isArray(cause) ? cause.slice(0, maxCauses).flatMap(readCause) : [],
  };
}

/**
 * The error of a response, with its code, details and causes. `unavailable` becomes `remote`, as the handler may have run, unless
 * it may be sent again.
 */
export function errorOfResponse(response: Pick<Response, "error" | "failure">): AcommError {
  const { error: text, failure } = response;
  const { code, message } = decodeErrorText(text);
  let cause: AcommError | undefined;
  for (const below of [...(failure?.cause ?? [])].reverse()) {
    cause = new AcommError(isErrorCode(below.code) ? below.code : "remote", below.message, { cause, retryable: false });
  }
  const isElsewhere = code === "unavailable" && failure?.retryable !== true;
  return new AcommError(isElsewhere ? "remote" : code, isElsewhere ? text : message, { cause, details: failure?.details, retryable: failure?.retryable ?? false });
}

function causesOf(error: AcommError): FailureCause[] {
  const causes: FailureCause[] = [];
  for (let below = error.cause; below instanceof AcommError && causes.length < maxCauses; below = below.cause) {
    causes.push({ message: withoutPaths(below).slice(0, maxCauseLength), code: below.code });
  }
  return causes;
}

/** A copy that is JSON and that nobody changes; undefined where it can't be had. */
function snapshotOf(details: unknown): unknown {
  if (details === undefined || details === null) return undefined;
  try {
    return JSON.parse(encodeJson(details, "details"));
  } catch {
    return undefined;
  }
}

function readCause(given: unknown): FailureCause[] {
  if (!isRecord(given) || typeof given["message"] !== "string") return [];
  const { message, code } = given;
  return [typeof code === "string" ? { message, code } : { message }];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
