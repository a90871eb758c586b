import { AcommError } from "./acomm-error.ts";
import { decodeUrl, encodeUrl } from "./acomm-url.ts";
import { checkName, kindOf } from "./fields.ts";
import { decodeUtf8, defaultMaxDepth, encodeJson, nestsDeeper } from "./json-text.ts";
import { createKeyTable, readExtensions, readMembers, readStreamEnd } from "./members.ts";
import type { KeyTable } from "./members.ts";
import { isPlainName } from "./request-codec.ts";
import type { Response } from "./response.ts";

/** The keys of a response and of an acknowledgement. */
export const responseKeys: KeyTable = /* @__PURE__ */ createKeyTable([["error"], ["id"], ["result"], ["stream_url", "streamURL"], ["ext"]]);

const replyExt: Readonly<Record<string, unknown>> = Object.freeze({ reply: true });
const head = '{"error":"","id":"';
const beforeResult = '","result":';
const tail = ',"stream_url":null}';
const replyTail = ',"stream_url":null,"ext":{"reply":true}}';

/**
 * The JSON text of a response, its keys in the order of the original; the seed's `Response.MarshalJSON`. A result that
 * was read from the wire keeps its text.
 *
 * @param options.reply marks it as the answer on the connection that asked (wire 2.8)
 * @throws AcommError `bad_field` naming the field.
 */
export function encodeResponse(response: Response, options?: { readonly reply?: boolean }): string {
  const { id, error, result, streamUrl, raw } = response;
  if (error !== "" && result != null) throw new AcommError("bad_field", "a response has an error or a result, not both");
  const resultText = raw !== undefined && Object.is(raw.value, result) ? raw.text : encodeJson(result, "result");
  const reply = options?.reply === true;
  if (error === "" && streamUrl === null && isPlainName(id)) return `${head}${id}${beforeResult}${resultText}${reply ? replyTail : tail}`;
  const end = streamUrl?.streamEnd === "half-close";
  const ext = !reply && !end ? "" : `,"ext":{${reply ? '"reply":true' : ""}${reply && end ? "," : ""}${end ? '"streamEnd":"half-close"' : ""}}`;
  const name = JSON.stringify(checkName(id, "id"));
  return `{"error":${JSON.stringify(error)},"id":${name},"result":${resultText},"stream_url":${encodeUrl(streamUrl, "streamUrl")}${ext}}`;
}

/**
 * Reads a response from its JSON; the seed's `Response.UnmarshalJSON`. Takes the spellings of later revisions of the
 * original as well.
 *
 * @throws AcommError `bad_json` or `bad_field`, naming the key.
 */
export function decodeResponse(message: string | Uint8Array): Response {
  const text = typeof message === "string" ? message : decodeUtf8(message);
  return decodeCommonResponse(text) ?? decodeAnyResponse(text);
}

/** The one form that our own services answer in: only the result is parsed; see the request codec for why it is safe. */
function decodeCommonResponse(text: string): Response | undefined {
  if (!text.startsWith(head)) return undefined;
  const idEnd = text.indexOf('"', head.length);
  if (!text.startsWith(beforeResult, idEnd)) return undefined;
  const reply = text.endsWith(replyTail);
  if (!reply && !text.endsWith(tail)) return undefined;
  const id = text.slice(head.length, idEnd);
  if (!isPlainName(id)) return undefined;
  const resultText = text.slice(idEnd + beforeResult.length, reply ? -replyTail.length : -tail.length);
  if (nestsDeeper(resultText, defaultMaxDepth - 1)) return undefined;
  let result: unknown;
  try {
    result = JSON.parse(resultText);
  } catch {
    return undefined; // the general decoder finds out what it is and says why
  }
  return { id, error: "", result, streamUrl: null, raw: { text: resultText.trim(), value: result }, ext: reply ? replyExt : undefined };
}

/**
 * The result of a response in the form that our own services answer a plain success in; undefined where it is any other,
 * and `decodeResponse` has to read it. For who knows already which request it answers.
 */
export function decodePlainResult(text: string): unknown {
  if (!text.startsWith(head) || !text.endsWith(replyTail)) return undefined;
  const idEnd = text.indexOf('"', head.length);
  if (!text.startsWith(beforeResult, idEnd)) return undefined;
  const resultText = text.slice(idEnd + beforeResult.length, -replyTail.length);
  if (nestsDeeper(resultText, defaultMaxDepth - 1)) return undefined;
  try {
    return JSON.parse(resultText);
  } catch {
    return undefined; // the general decoder finds out what it is and says why
  }
}

function decodeAnyResponse(text: string): Response {
  const members = readMembers(text, responseKeys);
  const ext = readExtensions(members);
  const error = readError(members.get("error")?.value);
  const member = members.get("result");
  const result = member?.value ?? null;
  if (error !== "" && result !== null) throw new AcommError("bad_field", "error and result: a response has one of them, not both");
  return {
    id: checkName(members.get("id")?.value, "id"),
    error,
    result,
    streamUrl: decodeUrl(members.get("stream_url")?.value, "stream_url", readStreamEnd(ext)),
    raw: member === undefined ? undefined : { text: member.text, value: result },
    ext,
  };
}

/** The error text of a response; none counts as success, as in the original. @throws AcommError `bad_field` */
export function readError(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new AcommError("bad_field", `error must be a string, but is ${kindOf(value)}`);
  return value;
}
