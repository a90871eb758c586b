import { AcommError, encodeErrorText } from "./acomm-error.ts";
import type { AcommUrl } from "./acomm-url.ts";
import { checkName } from "./fields.ts";
import { failureOf } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { encodeJson } from "./json-text.ts";
import type { RawJson } from "./json-text.ts";
import type { Request } from "./request.ts";
import { optionalUrl } from "./request.ts";
import { validateWith } from "./schema.ts";
import type { Schema } from "./schema.ts";

/** The answer to a request; the seed's `Response`. Built by {@link createResponse}. */
export interface Response<Result = unknown> {
  /** The request's id. */
  readonly id: string;
  /** Empty means success. */
  readonly error: string;
  /** Null where `error` is not empty. */
  readonly result: Result | null;
  /** Where additional data may be read. */
  readonly streamUrl: AcommUrl | null;
  /** The text of `result`, as it was read or first written; sent as long as `result` is still that value. */
  readonly raw?: RawJson | undefined;
  /** What is known of the error beside its text (wire 2.5); undefined where nothing is. */
  readonly failure?: Failure | undefined;
  /** The extensions that came with it (wire 2); they are not forwarded. */
  readonly ext?: Readonly<Record<string, unknown>> | undefined;
}

/** What {@link createResponse} takes. */
export interface ResponseInit<Result = unknown> {
  /** Any JSON value. @default null */
  readonly result?: Result | null | undefined;
  /** Where the caller may read extra data. @default null */
  readonly streamUrl?: string | URL | null | undefined;
  /**
   * An error or its text. Its message crosses the wire, its stack never does; of an AcommError its details do as well, and
   * those of its causes that are AcommErrors.
   */
  readonly error?: unknown;
}

/**
 * Builds the response to a request; the seed's `NewResponse`. The result is written down here: what is changed inside it
 * later is not sent.
 *
 * @throws AcommError `bad_field` where there are both an error and a result.
 */
export function createResponse<Result = unknown>(request: Pick<Request, "id">, init: ResponseInit<Result> = {}): Response<Result> {
  const { result = null, streamUrl, error } = init;
  const failed = error !== undefined && error !== null && error !== "";
  if (failed && result !== null) throw new AcommError("bad_field", "a response has an error or a result, not both");
  const failure = failed ? failureOf(error) : undefined;
  return {
    id: checkName(request.id, "id"),
    error: failed ? encodeErrorText(error) : "",
    result,
    raw: { text: encodeJson(result, "result"), value: result },
    streamUrl: optionalUrl(streamUrl, "streamUrl"),
    ...(failure === undefined ? undefined : { failure }),
  };
}

/**
 * The result of a response, checked and converted by a Standard Schema where one is given; the seed's
 * `Response.UnmarshalResult`.
 *
 * @throws AcommError `bad_field` with the path of the first value that the schema refuses.
 */
export function unmarshalResult<Result>(response: Response<Result>): Promise<Result | null>;
export function unmarshalResult<Output>(response: Response, schema: Schema<Output>): Promise<Output>;
export function unmarshalResult(response: Response, schema?: Schema): Promise<unknown> {
  return validateWith(schema, response.result, "result");
}
