import { badField } from "./acomm-error.ts";
import { decodeUrl, encodeUrl } from "./acomm-url.ts";
import { readFailure } from "./failure.ts";
import { checkName, kindOf } from "./fields.ts";
import { decodeUtf8, encodeJson, parseMember } from "./json-text.ts";
import { KnownText } from "./known-text.ts";
import { joinPieces } from "./long-text.ts";
import { createKeyTable, readExtensions, readMembers, readStreamEnd } from "./members.ts";
import type { KeyTable } from "./members.ts";
import type { Request } from "./request.ts";
import { isCommonExt, isPlainName, replyExt } from "./request-codec.ts";
import type { Response } from "./response.ts";

/** The keys of a response and of an acknowledgement. */
export const responseKeys: KeyTable = /* @__PURE__ */ createKeyTable([["error"], ["id"], ["result"], ["stream_url", "streamURL"], ["ext"]]);

/** @internal How the text of a success begins, up to its id. */
export const replyHead = '{"error":"","id":"';
const beforeResult: KnownText = /* @__PURE__ */ new KnownText('","result":');
const tail = ',"stream_url":null}';
const replyTail: KnownText = /* @__PURE__ */ new KnownText(',"stream_url":null,"ext":{"reply":true}}');

/**
 * The text of a response; the seed's `Response.MarshalJSON`. A result that was read from the wire keeps its text.
 *
 * @param options.reply whether it goes back on the connection that asked (wire 2.8)
 * @throws `bad_field`
 */
export function encodeResponse(response: Response, options?: { readonly reply?: boolean }): string {
  const { id, error, result, streamUrl, raw, failure } = response;
  if (error !== "" && result != null) throw badField("a response has an error or a result, not both");
  const resultText = raw !== undefined && Object.is(raw.value, result) ? raw.text : encodeJson(result, "result");
  const reply = options?.reply === true;
  if (error === "" && streamUrl === null && isPlainName(id)) return `${replyHead}${id}${beforeResult.text}${resultText}${reply ? replyTail.text : tail}`;
  const end = streamUrl?.streamEnd === "half-close";
  const members = [reply ? '"reply":true' : "", end ? '"streamEnd":"half-close"' : "", failure !== undefined && error !== "" ? `"error":${encodeJson(failure, "failure")}` : ""].filter((member) => member !== "");
  const ext = members.length === 0 ? "" : `,"ext":{${members.join(",")}}`;
  const name = JSON.stringify(checkName(id, "id"));
  return `{"error":${JSON.stringify(error)},"id":${name},"result":${resultText},"stream_url":${encodeUrl(streamUrl, "streamUrl")}${ext}}`;
}

/**
 * @internal The JSON text of a success without a stream, answered on the connection that asked (wire 2.8): what
 * {@link encodeResponse} writes for it, for who has its parts.
 *
 * @param request a request that was read from the wire
 * @param resultText JSON
 */
export function encodeReply({ id, ext }: Pick<Request, "id" | "ext">, resultText: string): string {
  const isPlain = isCommonExt(ext) || isPlainName(id); // the short cut of the request codec has looked at it already
  return joinPieces(isPlain ? replyHead + id + beforeResult.text : `{"error":"","id":${JSON.stringify(id)},"result":`, resultText, replyTail.text);
}

/**
 * @internal The JSON text of progress (wire 2.6): a response that doesn't end its request.
 *
 * @param value any JSON
 * @param options.reply marks it as one that goes back on the connection that asked (wire 2.8)
 * @throws `bad_field` where the value can't be written as JSON, or is undefined
 */
export function encodeProgress({ id }: Pick<Request, "id">, value: unknown, options: { readonly reply: boolean }): string {
  if (value === undefined) throw badField("progress must be a JSON value, but is missing");
  return `{"error":"","id":${JSON.stringify(id)},"result":null,"stream_url":null,"ext":{${options.reply ? '"reply":true,' : ""}"progress":${encodeJson(value, "progress")}}}`;
}

/**
 * @internal The text of the result where the text of a response is of the form that {@link encodeReply} writes, else undefined. The
 * caller knows what stands before it: `replyHead` and the id.
 *
 * @param idEnd where the id ends in the text
 * @param end where the response ends in the text
 */
export function replyResult(text: string, idEnd: number, end: number): string | undefined {
  const resultEnd = end - replyTail.text.length;
  if (!beforeResult.standsAt(text, idEnd) || !replyTail.standsAt(text, resultEnd)) return undefined;
  return text.slice(idEnd + beforeResult.text.length, resultEnd);
}

/**
 * Reads a response; the seed's `Response.UnmarshalJSON`.
 *
 * @param maxDepth how deep it may nest, @default 256
 * @throws `bad_json`, `bad_field`
 */
export function decodeResponse(message: string | Uint8Array, maxDepth?: number): Response {
  const text = typeof message === "string" ? message : decodeUtf8(message);
  return decodeCommonResponse(text, maxDepth) ?? decodeAnyResponse(text, maxDepth);
}

/** The one form that our own services answer in: only the result is parsed; see the request codec for why it is safe. */
function decodeCommonResponse(text: string, maxDepth: number | undefined): Response | undefined {
  if (!text.startsWith(replyHead)) return undefined;
  const idEnd = text.indexOf('"', replyHead.length);
  if (!beforeResult.standsAt(text, idEnd)) return undefined;
  const reply = text.endsWith(replyTail.text);
  if (!reply && !text.endsWith(tail)) return undefined;
  const id = text.slice(replyHead.length, idEnd);
  if (!isPlainName(id)) return undefined;
  const resultText = text.slice(idEnd + beforeResult.text.length, reply ? -replyTail.text.length : -tail.length);
  const result = parseMember(resultText, maxDepth);
  if (result === undefined) return undefined; // the general decoder finds out what it is and says why
  return { id, error: "", result, streamUrl: null, raw: { text: resultText.trim(), value: result }, ext: reply ? replyExt : undefined };
}

function decodeAnyResponse(text: string, maxDepth: number | undefined): Response {
  const members = readMembers(text, responseKeys, maxDepth);
  const ext = readExtensions(members);
  const error = readError(members.get("error")?.value);
  const member = members.get("result");
  const result = member?.value ?? null;
  if (error !== "" && result !== null) throw badField("error and result: a response has one of them, not both");
  return {
    id: checkName(members.get("id")?.value, "id"),
    error,
    result,
    streamUrl: decodeUrl(members.get("stream_url")?.value, "stream_url", readStreamEnd(ext)),
    raw: member === undefined ? undefined : { text: member.text, value: result },
    ...(error === "" ? undefined : { failure: readFailure(ext) }),
    ext,
  };
}

/** The error text of a response; none counts as success, as in the original. @throws `bad_field` */
export function readError(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw badField(`error must be a string, but is ${kindOf(value)}`);
  return value;
}
