import { badField, encodeErrorText } from "./acomm-error.ts";
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
  /** That of the request. */
  readonly id: string;
  /** Empty means success. */
  readonly error: string;
  /** Null where there is an error. */
  readonly result: Result | null;
  /** Extra data for the caller to read. */
  readonly streamUrl: AcommUrl | null;
  /** The text of `result`; sent as long as `result` is still that value. */
  readonly raw?: RawJson | undefined;
  /** More about the error than its text (wire 2.5). */
  readonly failure?: Failure | undefined;
  /** The extensions that came with it (wire 2); not forwarded. */
  readonly ext?: Readonly<Record<string, unknown>> | undefined;
}

/** What {@link createResponse} takes. */
export interface ResponseInit<Result = unknown> {
  /** Any JSON value. @default null */
  readonly result?: Result | null | undefined;
  /** Extra data for the caller to read. @default null */
  readonly streamUrl?: string | URL | null | undefined;
  /** An error or its text. The message crosses the wire, of an AcommError also its details and those causes that are AcommErrors; never a stack. */
  readonly error?: unknown;
}

/**
 * Builds a response; the seed's `NewResponse`. Later changes inside `result` are not sent.
 *
 * @throws `bad_field` for both error and result
 */
export function createResponse<Result = unknown>(request: Pick<Request, "id">, init: ResponseInit<Result> = {}): Response<Result> {
  const { result = null, streamUrl, error } = init;
  const failed = error !== undefined && error !== null && error !== "";
  if (failed && result !== null) throw badField("a response has an error or a result, not both");
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
 * The result, checked and converted by a schema if there is one; the seed's `Response.UnmarshalResult`.
 *
 * @throws `bad_field` with the path of the first value that is refused
 */
export function unmarshalResult<Result>(response: Response<Result>): Promise<Result | null>;
export function unmarshalResult<Output>(response: Response, schema: Schema<Output>): Promise<Output>;
export function unmarshalResult(response: Response, schema?: Schema): Promise<unknown> {
  return validateWith(schema, response.result, "result");
}
