import { AcommError } from "./acomm-error.ts";
import type { AcommUrl } from "./acomm-url.ts";
import { parseUrl } from "./acomm-url.ts";
import { checkName, kindOf } from "./fields.ts";
import { encodeJson } from "./json-text.ts";
import type { RawJson } from "./json-text.ts";
import type { Response } from "./response.ts";
import { validateWith } from "./schema.ts";
import type { Schema } from "./schema.ts";

/**
 * What runs when a request gets its response; the seed's `ResponseHandler`. Taken from a method's type, which makes a
 * `Request<Args>` usable wherever a `Request` is.
 */
export type ResponseHandler<Args = unknown> = { handle(request: Request<Args>, response: Response): unknown }["handle"];

/** A task that a peer shall run, and where the answer goes; the seed's `Request`. Built by {@link createRequest}. */
export interface Request<Args = unknown> {
  /** Unique among the requests that its tracker has open; 1 to 128 bytes. */
  readonly id: string;
  /** The name of the task; 1 to 128 bytes. */
  readonly task: string;
  /** Where the response is to be sent; null where it comes back on the connection, or nobody wants it. */
  readonly responseHook: AcommUrl | null;
  /** Where the receiver may read extra data. */
  readonly streamUrl: AcommUrl | null;
  /** What the task is asked with: any JSON value. */
  readonly args: Args;
  /** The address that is to run the task, instead of a local provider. */
  readonly taskUrl?: AcommUrl | null;
  /** The text of `args`, as it was read or first written; sent as long as `args` is still that value. */
  readonly raw?: RawJson | undefined;
  /** The extensions that came with it (wire 2); they concern the connection and are not forwarded. */
  readonly ext?: Readonly<Record<string, unknown>> | undefined;
  /** Runs when a response without an error arrives; it stays in this process. */
  readonly onSuccess?: ResponseHandler<Args> | undefined;
  /** Runs when a response with an error arrives, and when none arrives in time; it stays in this process. */
  readonly onError?: ResponseHandler<Args> | undefined;
}

/** What {@link createRequest} takes. */
export interface RequestInit<Args = unknown> {
  /** The name of the task; 1 to 128 bytes. */
  readonly task: string;
  /** Any JSON value. @default null */
  readonly args?: Args | undefined;
  /** Where the response is to be sent. @default null: it comes back on the connection, or nobody wants it */
  readonly responseHook?: string | URL | null | undefined;
  /** Where the receiver may read extra data. @default null */
  readonly streamUrl?: string | URL | null | undefined;
  /** The address that is to run the task, instead of a local provider. @default null */
  readonly taskUrl?: string | URL | null | undefined;
  /** Runs when a response without an error arrives. */
  readonly onSuccess?: ResponseHandler<Args> | undefined;
  /** Runs when a response with an error arrives, and when none arrives in time. */
  readonly onError?: ResponseHandler<Args> | undefined;
  /** @default a random UUID */
  readonly id?: string | undefined;
}

/**
 * Builds a request; the seed's `NewRequest`. The arguments are written down here: what is changed inside them later is not
 * sent.
 *
 * @throws AcommError `bad_field` naming the field and its limit.
 */
export function createRequest<Args = unknown>(init: RequestInit<Args>): Request<Args> {
  const { task, args = null, responseHook, streamUrl, taskUrl, onSuccess, onError, id = crypto.randomUUID() } = init;
  const request: { -readonly [Key in keyof Request<Args>]: Request<Args>[Key] } = {
    id: checkName(id, "id"),
    task: checkName(task, "task"),
    responseHook: optionalUrl(responseHook, "responseHook"),
    streamUrl: optionalUrl(streamUrl, "streamUrl"),
    args: args as Args,
    raw: { text: encodeJson(args, "args"), value: args },
  };
  if (taskUrl != null) request.taskUrl = parseUrl(taskUrl, { field: "taskUrl" });
  if (onSuccess !== undefined) request.onSuccess = onSuccess;
  if (onError !== undefined) request.onError = onError;
  return request;
}

/** @throws AcommError `bad_field` unless the request has an id and a task that may be sent; the seed's `Request.Validate`. */
export function validateRequest(request: Request): void {
  checkName(request.id, "id");
  checkName(request.task, "task");
  optionalUrl(request.responseHook, "responseHook");
  optionalUrl(request.streamUrl, "streamUrl");
  optionalUrl(request.taskUrl, "taskUrl");
}

/**
 * The arguments of a request, checked and converted by a Standard Schema (zod, valibot, arktype, …) where one is given;
 * the seed's `Request.UnmarshalArgs`.
 *
 * @throws AcommError `bad_field` with the path of the first value that the schema refuses.
 */
export function unmarshalArgs<Args>(request: Request<Args>): Promise<Args>;
export function unmarshalArgs<Output>(request: Request, schema: Schema<Output>): Promise<Output>;
export function unmarshalArgs(request: Request, schema?: Schema): Promise<unknown> {
  return validateWith(schema, request.args, "args");
}

/**
 * Runs the request's `onError` or `onSuccess`, whichever the response calls for, if it is there; the seed's
 * `Request.HandleResponse`. What the handler throws passes through, what it returns, such as a promise, is given.
 *
 * @throws AcommError `unknown_id` where the response answers another request.
 */
export function handleResponse<Args>(request: Request<Args>, response: Response): unknown {
  if (response.id !== request.id) throw new AcommError("unknown_id", `the response answers ${JSON.stringify(response.id)}, not ${JSON.stringify(request.id)}`);
  const handler = response.error === "" ? request.onSuccess : request.onError;
  return handler?.(request, response);
}

/** A URL that may be left out. */
export function optionalUrl(url: string | URL | null | undefined, field: string): AcommUrl | null {
  if (url === null || url === undefined) return null;
  if (url === "") throw new AcommError("bad_field", `${field} is empty: leave it out or give a URL`);
  if (typeof url !== "string" && !(url instanceof URL)) throw new AcommError("bad_field", `${field} must be a URL or a string, but is ${kindOf(url)}`);
  return parseUrl(url, { field });
}
