import { decodeUrl, encodeUrl } from "./acomm-url.ts";
import { checkName } from "./fields.ts";
import { decodeUtf8, encodeJson, parseMember } from "./json-text.ts";
import { createKeyTable, readExtensions, readMembers, readStreamEnd } from "./members.ts";
import type { Request } from "./request.ts";

const keys = /* @__PURE__ */ createKeyTable([["id"], ["task"], ["taskURL"], ["responsehook", "responseHook"], ["stream_url", "streamURL"], ["args"], ["ext"]]);

/** The extensions of a request that may be answered on its connection (wire 2.8) and came in the common form. */
export const replyExt: Readonly<Record<string, unknown>> = Object.freeze({ reply: true });
const replyTail = ',"ext":{"reply":true}}';
const urlsAndArgs = '","responsehook":null,"stream_url":null,"args":';

/**
 * The JSON text of a request, its keys in the order of the original. Arguments that were read from the wire keep their
 * text.
 *
 * @param options.reply says that it may be answered on the connection (wire 2.8), and leaves the response hook to `hook`
 * @param options.hook the response hook to write instead of the request's own, as JSON text
 * @throws AcommError `bad_field` naming the field.
 */
export function encodeRequest(request: Request, options?: { readonly reply?: boolean; readonly hook?: string }): string {
  const { id, task, responseHook, streamUrl, taskUrl, args, raw } = request;
  const argsText = raw !== undefined && Object.is(raw.value, args) ? raw.text : encodeJson(args, "args");
  const hook = options?.hook ?? encodeUrl(responseHook, "responseHook");
  const stream = encodeUrl(streamUrl, "streamUrl");
  const where = taskUrl == null ? "" : `,"taskURL":${encodeUrl(taskUrl, "taskUrl")}`;
  const head = `{"id":${quoteName(id, "id")},"task":${task === lastTask ? lastTaskText : quoteTask(task)}${where}`;
  const reply = options?.reply === true;
  const end = streamUrl?.streamEnd === "half-close";
  const tail = !reply && !end ? "}" : reply && !end ? replyTail : `,"ext":{${reply ? '"reply":true,' : ""}"streamEnd":"half-close"}}`;
  return `${head},"responsehook":${hook},"stream_url":${stream},"args":${argsText}${tail}`;
}

/**
 * The JSON text of a request without streams and task URL that will be answered on its connection (wire 2.8): what
 * {@link encodeRequest} writes for it, for who has its parts.
 *
 * @param id a name of letters, digits, `_`, `.`, `:` and `-`
 * @param argsText JSON
 * @throws AcommError `bad_field` naming the task.
 */
export function encodeCall(id: string, task: string, argsText: string): string {
  if (task !== lastTask) quoteTask(task);
  return `{"id":"${id}${lastMiddle}${argsText}${replyTail}`;
}

/**
 * Reads a request from its JSON; takes the spellings of later revisions of the original as well.
 *
 * @param start where it stands in the text, with `end`, @default the whole
 * @throws AcommError `bad_json` or `bad_field`, naming the key.
 */
export function decodeRequest(message: string | Uint8Array, start = 0, end: number = message.length): Request {
  if (typeof message === "string") return decodeCommonRequest(message, start, end) ?? decodeAnyRequest(message.slice(start, end));
  return decodeRequest(decodeUtf8(start === 0 && end === message.length ? message : message.subarray(start, end)));
}

/**
 * The one form that our own callers write on a kept connection: only the args are parsed. If the text between the known
 * head and tail is one JSON value then the whole is one message; anything else is left to the general decoder.
 */
function decodeCommonRequest(text: string, start: number, end: number): Request | undefined {
  if (!text.startsWith('{"id":"', start)) return undefined;
  const idEnd = text.indexOf('"', start + 7);
  const id = text.slice(start + 7, idEnd);
  if (!isPlainId(id)) return undefined;
  if (!text.startsWith(lastMiddle, idEnd) && !rememberTask(text, idEnd)) return undefined;
  const argsStart = idEnd + lastMiddle.length;
  const isReply = text.startsWith(replyTail, end - replyTail.length);
  const argsEnd = isReply ? end - replyTail.length : end - 1;
  if (!isReply && text[argsEnd] !== "}") return undefined;
  const argsText = text.slice(argsStart, argsEnd);
  const args = parseMember(argsText);
  if (args === undefined) return undefined; // the general decoder finds out what it is and says why
  return { id, task: lastTask, responseHook: null, streamUrl: null, args, taskUrl: null, raw: { text: argsText.trim(), value: args }, ext: isReply ? replyExt : undefined };
}

/** Remembers the task that follows an id where the text goes on in the common form. */
function rememberTask(text: string, idEnd: number): boolean {
  if (!text.startsWith('","task":"', idEnd)) return false;
  const taskEnd = text.indexOf('"', idEnd + 10);
  const task = text.slice(idEnd + 10, taskEnd);
  if (!text.startsWith(urlsAndArgs, taskEnd) || !isPlainName(task)) return false;
  quoteTask(task);
  return true;
}

function decodeAnyRequest(text: string): Request {
  const members = readMembers(text, keys);
  const ext = readExtensions(members);
  const args = members.get("args");
  const value = args?.value ?? null;
  return {
    id: checkName(members.get("id")?.value, "id"),
    task: checkName(members.get("task")?.value, "task"),
    responseHook: decodeUrl(members.get("responsehook")?.value, "responsehook"),
    streamUrl: decodeUrl(members.get("stream_url")?.value, "stream_url", readStreamEnd(ext)),
    args: value,
    taskUrl: decodeUrl(members.get("taskURL")?.value, "taskURL"),
    raw: args === undefined ? undefined : { text: args.text, value },
    ext,
  };
}

/** A name that is the same in JSON as in memory, and within the limit. */
export function isPlainName(name: string): boolean {
  return /^[\w.:-]{1,128}$/.test(name);
}

/** The last id up to its last nine characters: the ids of one connection differ in these alone, and they are digits. */
let lastPrefix = "-";

/** The same as {@link isPlainName}, faster for an id that begins as the one before. */
function isPlainId(id: string): boolean {
  const { length } = id;
  if (length === lastPrefix.length + 9 && id.startsWith(lastPrefix)) {
    let at = length - 9;
    while (at < length && isDigit(id.charCodeAt(at))) at += 1;
    if (at === length) return true;
  }
  if (!isPlainName(id)) return false;
  if (length === 36) lastPrefix = id.slice(0, -9);
  return true;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A name as JSON, checked: a plain one needs no further look. */
function quoteName(name: string, field: "id" | "task"): string {
  return typeof name === "string" && isPlainName(name) ? `"${name}"` : JSON.stringify(checkName(name, field));
}

/** The task of the last message, its JSON, and what stands between id and args: most messages name the same one again. */
let lastTask = "-";
let lastTaskText = '"-"';
let lastMiddle = `","task":"-${urlsAndArgs}`;

function quoteTask(task: string): string {
  lastTaskText = quoteName(task, "task");
  lastTask = task;
  lastMiddle = `","task":${lastTaskText}${urlsAndArgs.slice(1)}`;
  return lastTaskText;
}
