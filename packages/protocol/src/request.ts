import { AcommError, badField } from "./acomm-error.ts";
import type { AcommUrl } from "./acomm-url.ts";
import { parseUrl } from "./acomm-url.ts";
import { checkName, kindOf } from "./fields.ts";
import { encodeJson } from "./json-text.ts";
import type { RawJson } from "./json-text.ts";
import type { Response } from "./response.ts";
import { validateWith } from "./schema.ts";
import type { Schema } from "./schema.ts";

/** Runs when a request gets its response; the seed's `ResponseHandler`. */
export type ResponseHandler<Args = unknown> = { handle(request: Request<Args>, response: Response): unknown }["handle"];

/** A task for a peer, and where the answer goes; the seed's `Request`. Built by {@link createRequest}. */
export interface Request<Args = unknown> {
  /** Unique among the open requests of its tracker; 1 to 128 bytes. */
  readonly id: string;
  /** The name of the task; 1 to 128 bytes. */
  readonly task: string;
  /** Where the response goes; null: back on the connection, or nowhere. */
  readonly responseHook: AcommUrl | null;
  /** Extra data for the receiver to read. */
  readonly streamUrl: AcommUrl | null;
  /** Any JSON value. */
  readonly args: Args;
  /** Runs the task instead of a local provider. */
  readonly taskUrl?: AcommUrl | null;
  /** The text of `args`; sent as long as `args` is still that value. */
  readonly raw?: RawJson | undefined;
  /** The extensions that came with it (wire 2); not forwarded. */
  readonly ext?: Readonly<Record<string, unknown>> | undefined;
  /** Runs when a response without an error arrives. */
  readonly onSuccess?: ResponseHandler<Args> | undefined;
  /** Runs when a response with an error arrives, or none in time. */
  readonly onError?: ResponseHandler<Args> | undefined;
}

/** What {@link createRequest} takes. */
export interface RequestInit<Args = unknown> {
  /** 1 to 128 bytes. */
  readonly task: string;
  /** Any JSON value. @default null */
  readonly args?: Args | undefined;
  /** Where the response goes. @default null: back on the connection, or nowhere */
  readonly responseHook?: string | URL | null | undefined;
  /** Extra data for the receiver to read. @default null */
  readonly streamUrl?: string | URL | null | undefined;
  /** Runs the task instead of a local provider. @default null */
  readonly taskUrl?: string | URL | null | undefined;
  /** Runs when a response without an error arrives. */
  readonly onSuccess?: ResponseHandler<Args> | undefined;
  /** Runs when a response with an error arrives, or none in time. */
  readonly onError?: ResponseHandler<Args> | undefined;
  /** @default a random UUID */
  readonly id?: string | undefined;
}

/** Builds a request; the seed's `NewRequest`. Later changes inside `args` are not sent. @throws `bad_field` */
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

/** Checks that it may be sent; the seed's `Request.Validate`. @throws `bad_field` */
export function validateRequest(request: Request): void {
  checkName(request.id, "id");
  checkName(request.task, "task");
  optionalUrl(request.responseHook, "responseHook");
  optionalUrl(request.streamUrl, "streamUrl");
  optionalUrl(request.taskUrl, "taskUrl");
}

/**
 * The arguments, checked and converted by a schema if there is one; the seed's `Request.UnmarshalArgs`.
 *
 * @throws `bad_field` with the path of the first value that is refused
 */
export function unmarshalArgs<Args>(request: Request<Args>): Promise<Args>;
export function unmarshalArgs<Output>(request: Request, schema: Schema<Output>): Promise<Output>;
export function unmarshalArgs(request: Request, schema?: Schema): Promise<unknown> {
  return validateWith(schema, request.args, "args");
}

/**
 * Runs the request's `onError` or `onSuccess`, and gives what it returns; the seed's `Request.HandleResponse`.
 *
 * @throws `unknown_id` for the response to another request
 */
export function handleResponse<Args>(request: Request<Args>, response: Response): unknown {
  if (response.id !== request.id) throw new AcommError("unknown_id", `the response answers ${JSON.stringify(response.id)}, not ${JSON.stringify(request.id)}`);
  const handler = response.error === "" ? request.onSuccess : request.onError;
  return handler?.(request, response);
}

/** @internal A URL that may be left out. */
export function optionalUrl(url: string | URL | null | undefined, field: string): AcommUrl | null {
  if (url === null || url === undefined) return null;
  if (url === "") throw badField(`${field} is empty: leave it out or give a URL`);
  if (typeof url !== "string" && !(url instanceof URL)) throw badField(`${field} must be a URL or a string, but is ${kindOf(url)}`);
  return parseUrl(url, { field });
}
