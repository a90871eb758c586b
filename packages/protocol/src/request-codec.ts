import { decodeUrl, encodeUrl } from "./acomm-url.ts";
import { checkName, cutOut } from "./fields.ts";
import { decodeUtf8, encodeJson, parseMember } from "./json-text.ts";
import { KnownText } from "./known-text.ts";
import { joinPieces } from "./long-text.ts";
import { createKeyTable, readExtensions, readMembers, readStreamEnd } from "./members.ts";
import type { Request } from "./request.ts";
import { asksOf, encodeAsks } from "./request-asks.ts";
import type { RequestAsks } from "./request-asks.ts";

const keys = /* @__PURE__ */ createKeyTable([["id"], ["task"], ["taskURL"], ["responsehook", "responseHook"], ["stream_url", "streamURL"], ["args"], ["ext"]]);

/** The extensions of a request that may be answered on its connection (wire 2.8), and asks for nothing. */
export const replyExt: Readonly<Record<string, unknown>> = Object.freeze({ reply: true });
const extHead = ',"ext":{';
/** Longer extensions are left to the general decoder, in characters. */
const maxExtLength = 2048;
/** How the extensions of a call begin that says how much time it has. */
const timeoutHead = ',"ext":{"reply":true,"timeout":';
/** The end of the last call that asked for nothing beside its time. */
let lastTimeoutMs = 0;
let lastTimeoutTail = `${timeoutHead}0}}`;
const idHead = '{"id":"';
/** The ids of one connection differ in the number of nine digits at their end alone. */
const uuidLength = 36;
const digits = 9;
const urlsAndArgs = '","responsehook":null,"stream_url":null,"args":';

/**
 * The text of a request; arguments that were read from the wire keep theirs.
 *
 * @param options.reply whether it may be answered on the connection (wire 2.8); its hook is then `hook` alone
 * @param options.hook the response hook instead of its own, as JSON
 * @throws `bad_field`
 */
export function encodeRequest(request: Request, options?: RequestAsks & { readonly reply?: boolean; readonly hook?: string }): string {
  const { id, task, responseHook, streamUrl, taskUrl, args, raw } = request;
  const argsText = raw !== undefined && Object.is(raw.value, args) ? raw.text : encodeJson(args, "args");
  const hook = options?.hook ?? encodeUrl(responseHook, "responseHook");
  const stream = encodeUrl(streamUrl, "streamUrl");
  const where = taskUrl == null ? "" : `,"taskURL":${encodeUrl(taskUrl, "taskUrl")}`;
  const head = `{"id":${quoteName(id, "id")},"task":${quoteName(task, "task")}${where}`;
  const reply = options?.reply === true;
  const end = streamUrl?.streamEnd === "half-close";
  const members = `${reply ? ',"reply":true' : ""}${end ? ',"streamEnd":"half-close"' : ""}${options === undefined ? "" : encodeAsks(options)}`;
  const tail = members === "" ? "}" : `,"ext":{${members.slice(1)}}}`;
  return `${head},"responsehook":${hook},"stream_url":${stream},"args":${argsText}${tail}`;
}

/** @internal What stands in the text of a frame in place of its header. */
export const headerPlace = "\0\0\0\0";
/** @internal Where the number ends in the text of {@link CallFrames}. */
export const numberEnd: number = headerPlace.length + idHead.length + uuidLength;

/** For so many tasks it is kept how the frames of a connection begin. */
const maxHeads = 64;

/** @internal Writes the frames of one connection's calls; their ids differ in a number, which is blank in the text. */
export class CallFrames {
  /** The id, with zeros in place of its number of nine digits. */
  readonly blankId: string;
  /** How frames begin, by their task. */
  readonly #heads = new Map<string, string>();

  /** @param prefix the id without its number, 27 characters of a UUID */
  constructor(prefix: string) {
    this.blankId = prefix + "0".repeat(digits);
  }

  /**
   * The text of a frame whose request has no streams and no task URL, and will be answered on its connection (wire 2.8): after
   * {@link headerPlace} what {@link encodeRequest} writes for it, for who has its parts.
   *
   * @param argsText JSON
   * @param timeoutMs what is left of the caller's time, a whole number
   * @param asks what it asks for beside its time
   * @throws `bad_field` naming the task
   */
  encode(task: string, argsText: string, timeoutMs: number, asks?: RequestAsks): string {
    let head = this.#heads.get(task);
    if (head === undefined) {
      // flat: what + puts together is put together anew for each frame
      head = [headerPlace, idHead, this.blankId, '","task":', quoteName(task, "task"), urlsAndArgs.slice(1)].join("");
      if (this.#heads.size === maxHeads) this.#heads.clear();
      this.#heads.set(task, head);
    }
    if (timeoutMs !== lastTimeoutMs) {
      lastTimeoutMs = timeoutMs;
      lastTimeoutTail = `${timeoutHead}${timeoutMs}}}`;
    }
    return joinPieces(head, argsText, asks === undefined ? lastTimeoutTail : `${timeoutHead}${timeoutMs}${encodeAsks(asks)}}}`);
  }
}

/**
 * Reads a request.
 *
 * @param start where it stands in the text, until `end`
 * @param maxDepth how deep it may nest, @default 256
 * @throws `bad_json`, `bad_field`
 */
export function decodeRequest(message: string | Uint8Array, start = 0, end: number = message.length, maxDepth?: number): Request {
  if (typeof message === "string") return decodeCommonRequest(message, start, end, maxDepth) ?? decodeAnyRequest(cutOut(message, start, end), maxDepth);
  const text = decodeUtf8(start === 0 && end === message.length ? message : message.subarray(start, end));
  return decodeRequest(text, 0, text.length, maxDepth);
}

/**
 * The one form that our own callers write on a kept connection: only the args are parsed. If the text between the known
 * head and tail is one JSON value then the whole is one message; anything else is left to the general decoder.
 */
function decodeCommonRequest(text: string, start: number, end: number, maxDepth: number | undefined): Request | undefined {
  const id = idLikeTheLast(text, start) ?? plainId(text, start);
  if (id === undefined) return undefined;
  const idEnd = start + idHead.length + id.length;
  if (readMiddle?.standsAt(text, idEnd) !== true && !rememberTask(text, idEnd)) return undefined;
  const argsStart = idEnd + (readMiddle?.text.length ?? 0);
  const hasExt = lastTail.standsAt(text, end - lastTail.text.length) || rememberTail(text, argsStart, end, maxDepth);
  const argsEnd = hasExt ? end - lastTail.text.length : end - 1;
  if (!hasExt && text[argsEnd] !== "}") return undefined;
  const argsText = cutOut(text, argsStart, argsEnd);
  const args = parseMember(argsText, maxDepth);
  if (args === undefined) return undefined; // the general decoder finds out what it is and says why
  return {
    id,
    task: readTask,
    responseHook: null,
    streamUrl: null,
    args,
    taskUrl: null,
    raw: { text: argsText.trim(), value: args },
    ext: hasExt ? lastExt : undefined,
  };
}

/** How the last request in the common form ended, and the extensions that this says. */
let lastTail: KnownText = /* @__PURE__ */ new KnownText(',"ext":{"reply":true}}');
let lastExt = replyExt;

/** Whether these are the extensions of a request in the common form, whose id is plain. */
export function isCommonExt(ext: Request["ext"]): boolean {
  return ext === lastExt || ext === replyExt;
}

/** Remembers the end of a request where its last member are extensions that can be read. */
function rememberTail(text: string, argsStart: number, end: number, maxDepth: number | undefined): boolean {
  const searchStart = Math.max(argsStart, end - maxExtLength);
  const at = text.slice(searchStart, end).lastIndexOf(extHead);
  if (at < 0 || text[end - 1] !== "}") return false;
  const tail = cutOut(text, searchStart + at, end);
  const ext = parseMember(tail.slice(extHead.length - 1, -1), maxDepth) as typeof replyExt | undefined;
  if (ext === undefined) return false;
  try {
    asksOf({ ext }); // what it asks for must be readable
  } catch {
    return false; // the general decoder says why
  }
  lastTail = new KnownText(tail);
  lastExt = ext;
  return true;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** How the last request with an id in the form of a UUID began, and its id, both up to the number. */
let lastHead: KnownText | undefined;
let lastIdHead = "";

/** The id of the request at `start` where it begins as the last one. */
function idLikeTheLast(text: string, start: number): string | undefined {
  if (lastHead?.standsAt(text, start) !== true) return undefined;
  const idEnd = start + idHead.length + uuidLength;
  for (let at = idEnd - digits; at < idEnd; at += 1) {
    if (!isDigit(text.charCodeAt(at))) return undefined;
  }
  return lastIdHead + text.slice(idEnd - digits, idEnd);
}

/** The id of the request at `start` where it is a plain name. */
function plainId(text: string, start: number): string | undefined {
  if (!text.startsWith(idHead, start)) return undefined;
  const idStart = start + idHead.length;
  const id = cutOut(text, idStart, text.indexOf('"', idStart));
  if (!isPlainName(id)) return undefined;
  if (id.length === uuidLength) {
    lastIdHead = id.slice(0, -digits);
    lastHead = new KnownText(idHead + lastIdHead);
  }
  return id;
}

/** The task of the last request in the common form, and what stands between its id and its args. */
let readTask = "";
let readMiddle: KnownText | undefined;

/** Remembers the task that follows an id where the text goes on in the common form. */
function rememberTask(text: string, idEnd: number): boolean {
  if (!text.startsWith('","task":"', idEnd)) return false;
  const taskEnd = text.indexOf('"', idEnd + 10);
  const task = cutOut(text, idEnd + 10, taskEnd);
  if (!text.startsWith(urlsAndArgs, taskEnd) || !isPlainName(task)) return false;
  readTask = task;
  readMiddle = new KnownText(`","task":"${task}${urlsAndArgs}`);
  return true;
}

function decodeAnyRequest(text: string, maxDepth: number | undefined): Request {
  const members = readMembers(text, keys, maxDepth);
  const ext = readExtensions(members);
  const args = members.get("args");
  const value = args?.value ?? null;
  asksOf({ ext }); // what it asks for must be readable
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
