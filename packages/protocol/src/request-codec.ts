import { decodeUrl, encodeUrl } from "./acomm-url.ts";
import { checkName } from "./fields.ts";
import { decodeUtf8, defaultMaxDepth, encodeJson, nestsDeeper } from "./json-text.ts";
import { createKeyTable, readExtensions, readMembers, readStreamEnd } from "./members.ts";
import type { Request } from "./request.ts";

const keys = /* @__PURE__ */ createKeyTable([["id"], ["task"], ["taskURL"], ["responsehook", "responseHook"], ["stream_url", "streamURL"], ["args"], ["ext"]]);

/** The extensions of a request that may be answered on its connection (wire 2.8). */
const replyExt: Readonly<Record<string, unknown>> = Object.freeze({ reply: true });
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
 * Reads a request from its JSON; takes the spellings of later revisions of the original as well.
 *
 * @throws AcommError `bad_json` or `bad_field`, naming the key.
 */
export function decodeRequest(message: string | Uint8Array): Request {
  const text = typeof message === "string" ? message : decodeUtf8(message);
  return decodeCommonRequest(text) ?? decodeAnyRequest(text);
}

/**
 * The one form that our own callers write on a kept connection: only the args are parsed. If the text between the known
 * head and tail is one JSON value then the whole is one message; anything else is left to the general decoder.
 */
function decodeCommonRequest(text: string): Request | undefined {
  if (!text.startsWith('{"id":"')) return undefined;
  const idEnd = text.indexOf('"', 7);
  if (!text.startsWith('","task":"', idEnd)) return undefined;
  const taskEnd = text.indexOf('"', idEnd + 10);
  if (!text.startsWith(urlsAndArgs, taskEnd)) return undefined;
  const id = text.slice(7, idEnd);
  const task = text.slice(idEnd + 10, taskEnd);
  if (!isPlainName(id) || !isPlainName(task)) return undefined;
  const reply = text.endsWith(replyTail);
  if (!reply && !text.endsWith("}")) return undefined;
  const argsText = text.slice(taskEnd + urlsAndArgs.length, reply ? -replyTail.length : -1);
  if (nestsDeeper(argsText, defaultMaxDepth - 1)) return undefined;
  let args: unknown;
  try {
    args = JSON.parse(argsText);
  } catch {
    return undefined; // the general decoder finds out what it is and says why
  }
  return { id, task, responseHook: null, streamUrl: null, args, taskUrl: null, raw: { text: argsText.trim(), value: args }, ext: reply ? replyExt : undefined };
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

/** A name as JSON, checked: a plain one needs no further look. */
function quoteName(name: string, field: "id" | "task"): string {
  return typeof name === "string" && isPlainName(name) ? `"${name}"` : JSON.stringify(checkName(name, field));
}

/** The task of the last message and its JSON: most messages name the same one again. */
let lastTask: string | undefined;
let lastTaskText = "";

function quoteTask(task: string): string {
  lastTaskText = quoteName(task, "task");
  lastTask = task;
  return lastTaskText;
}
