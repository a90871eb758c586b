import { badField } from "./acomm-error.ts";

/** The longest `id` and `task`, in UTF-8. */
export const maxNameBytes = 128;

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;
const plainName = /^[\w.:-]{1,128}$/;

/**
 * @internal A piece of a text, which doesn't keep the whole in memory where that is much longer: V8's `slice` gives a view of it.
 *
 * @returns what must be read once, such as by `JSON.parse`, before it is a text of its own
 */
export function cutOut(text: string, start: number, end: number): string {
  if (text.length < 2 * (end - start)) return text.slice(start, end);
  const middle = (start + end) >> 1;
  return text.slice(start, middle) + text.slice(middle, end);
}

/** What a value is, in a word for an error message: `null`, `an array`, `a number`, … */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * A key as the original compares keys, without regard to case: there the long s (U+017F) is an s, and the Kelvin sign,
 * which has a lower case, a k.
 */
export function foldKey(key: string): string {
  return key.toLowerCase().replaceAll("\u017f", "s");
}

/** The last plain name that was checked: most requests name the task of the one before. */
let lastPlain = "-";

/** @internal Checks an `id` or a `task`. @throws `bad_field` naming the field, the kind of its value and the limit. */
export function checkName(value: unknown, field: "id" | "task"): string {
  if (typeof value !== "string") throw badField(`${field} must be a string of 1 to ${maxNameBytes} bytes, but is ${kindOf(value)}`);
  if (value === lastPlain) return value;
  if (plainName.test(value)) {
    lastPlain = value;
    return value;
  }
  if (value === "") throw badField(`${field} must be a string of 1 to ${maxNameBytes} bytes, but is empty`);
  if (controlCharacter.test(value)) throw badField(`${field} must not hold control characters`);
  // a lone surrogate becomes U+FFFD here, as it does in the original
  const name = value.toWellFormed();
  const bytes = utf8Length(name);
  if (bytes > maxNameBytes) throw badField(`${field} must be at most ${maxNameBytes} bytes, but has ${bytes}`);
  return name;
}

/** @internal The length of a well-formed text in bytes of UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    // a surrogate pair counts four bytes, two for each of its halves
    bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}
