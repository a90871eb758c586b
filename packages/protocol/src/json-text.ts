import { AcommError, badField } from "./acomm-error.ts";

/** A JSON value with its text, which is sent byte for byte as long as `value` is still the same. */
export interface RawJson {
  /** As it was read or first written. */
  readonly text: string;
  /** What the text stands for. */
  readonly value: unknown;
}

/** A member of a JSON object: its key, and where the text of its value begins and ends. */
export interface MemberSpan {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

type Members = Readonly<Record<string, unknown>>;

/** How deep a message may nest arrays and objects. */
export const defaultMaxDepth = 256;

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The decoder of the whole library: bytes that are not UTF-8 throw, a byte order mark is not swallowed. */
const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @internal @throws `bad_json` where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AcommError("bad_json", "the message is not UTF-8: encode it as UTF-8", { cause });
  }
}

/**
 * @internal Parses one JSON text.
 *
 * @param maxDepth how deep it may nest, @default 256
 * @throws `bad_json` where it isn't JSON or is nested deeper.
 */
export function parseJson(text: string, maxDepth: number = defaultMaxDepth): unknown {
  let value: unknown;
  try {
    value = parseShallow(text, maxDepth);
  } catch (cause) {
    // V8 quotes the text around the mistake; args and results don't belong in an error, so only the place is kept
    const place = /at position (\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1];
    throw new AcommError("bad_json", `the message of ${text.length} characters is not JSON${place === undefined ? "" : ` at position ${place}`}`);
  }
  if (value === undefined) throw new AcommError("bad_json", `the message nests deeper than ${maxDepth} levels: flatten it`);
  return value;
}

/**
 * @internal Parses the text of a value that stands inside a message, one level down; undefined where it isn't JSON or is nested too
 * deep, and `parseJson` of the whole message finds out why.
 *
 * @param maxDepth how deep the message may nest, @default 256
 */
export function parseMember(text: string, maxDepth: number = defaultMaxDepth): unknown {
  try {
    return parseShallow(text, maxDepth - 1);
  } catch {
    return undefined;
  }
}

/** @throws SyntaxError where it isn't JSON; gives undefined where it is nested deeper. */
function parseShallow(text: string, maxDepth: number): unknown {
  // a value nested n deep has at least 2n characters and n opening brackets
  if (text.length <= 2 * maxDepth || hasFewerBrackets(text, maxDepth + 1)) return JSON.parse(text);
  // to parse what is nested without end takes far longer than to look through its text
  const isBulky = text.length > bulkyLength && !hasFewerBrackets(text, bulkyBrackets);
  if (opensDeeper(isBulky ? text : text.slice(0, openingLength), maxDepth)) return undefined;
  const value: unknown = JSON.parse(text);
  return nestsDeeper(value, maxDepth) ? undefined : value;
}

/** @internal The JSON text of a value; `undefined` is written as `null`. @throws `bad_field` naming the field. */
export function encodeJson(value: unknown, field: string): string {
  if (value === undefined) return "null";
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch (cause) {
    throw badField(`${field} cannot be written as JSON: ${cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "its toJSON failed"}`);
  }
  throw badField(`${field} must be a JSON value, not a ${typeof value}`);
}

/** How much of a text is searched before it is parsed, in characters: what is deep is mostly so from its beginning. */
const openingLength = 4096;
/** From which length, in characters, and from how many brackets on all of a text is searched before it is parsed. */
const bulkyLength = 512 * 1024;
const bulkyBrackets = 20_000;

/** Whether the text opens more than `maxDepth` arrays and objects before it closes them. */
function opensDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at) - 1;
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
    }
  }
  return false;
}

/** Whether arrays and objects are nested deeper than `levels`; faster than to look through their text. */
function nestsDeeper(value: unknown, levels: number): boolean {
  return typeof value === "object" && value !== null && (Array.isArray(value) ? arrayNestsDeeper(value, levels) : membersNestDeeper(value as Members, levels));
}

// Functions of their own, and none called for anything else: half the time of one for all. Arrays of fractions are kept in another way
// than others, and a loop that meets both kinds takes twice the time of `every`.
function arrayNestsDeeper(elements: readonly unknown[], levels: number): boolean {
  return levels === 0 || (!elements.every(isNumber) && elementsNestDeeper(elements, levels));
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function elementsNestDeeper(elements: readonly unknown[], levels: number): boolean {
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- what an iterator gives takes as much memory as the value itself
  for (let index = 0; index < elements.length; index += 1) {
    const value = elements[index];
    if (typeof value === "object" && value !== null && (Array.isArray(value) ? arrayNestsDeeper(value, levels - 1) : membersNestDeeper(value as Members, levels - 1))) return true;
  }
  return false;
}

function membersNestDeeper(members: Members, levels: number): boolean {
  if (levels === 0) return true;
  for (const key in members) {
    const value = members[key];
    if (typeof value === "object" && value !== null && (Array.isArray(value) ? arrayNestsDeeper(value, levels - 1) : membersNestDeeper(value as Members, levels - 1))) return true;
  }
  return false;
}

function hasFewerBrackets(text: string, limit: number): boolean {
  let brackets = 0;
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      brackets += 1;
      if (brackets >= limit) return false;
    }
  }
  return true;
}

/** The index after the string that opens at `start`; the end of the text where it is never closed. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let slashes = end;
    while (text.charCodeAt(slashes - 1) === backslash) slashes -= 1;
    if ((end - slashes) % 2 === 0) return end + 1;
    at = end + 1;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The members of a JSON object in their order, repeated keys included. `text` must have been parsed before. */
export function memberSpans(text: string): MemberSpan[] {
  const members: MemberSpan[] = [];
  let at = text.indexOf("{") + 1;
  for (;;) {
    while (isSpace(text.charCodeAt(at)) || text[at] === ",") at += 1;
    if (at >= text.length || text.charCodeAt(at) === closeBrace) return members;
    const endOfKey = endOfString(text, at);
    const quoted = text.slice(at, endOfKey);
    const key = quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    at = text.indexOf(":", endOfKey) + 1;
    while (isSpace(text.charCodeAt(at))) at += 1;
    const start = at;
    at = endOfValue(text, start);
    let end = at;
    while (isSpace(text.charCodeAt(end - 1))) end -= 1;
    members.push({ key, start, end });
  }
}

/** The index of the comma or brace that follows the value at `start`. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at) - 1;
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
    } else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (code === 0x2c && depth === 0) {
      return at;
    }
  }
  return text.length;
}
