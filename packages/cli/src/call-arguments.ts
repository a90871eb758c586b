import { parseJson } from "@acomm/protocol";
import { UsageError } from "./usage-error.ts";

/** A number whose text is sent as it was written, such as 9007199254740993 or 1.0; the type of JSON.rawJSON. */
interface WithRawJson {
  readonly rawJSON: (text: string) => unknown;
}

/** An object that is being put together. */
class Branch extends Map<string, unknown> {}

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([["true", true], ["false", false], ["null", null]]);
/** What reaches the prototype of an object where somebody assigns it without care. */
const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const maxLevels = 64;

/**
 * Reads the arguments of a task from `key=value` and `key:=JSON`. Dots nest; a value is `true`, `false`, `null`, a number as
 * JSON has it, or else a text. Numbers keep their digits.
 *
 * @throws UsageError for what is none of both, a key that comes twice or is value and object at once, and the keys of prototypes
 */
export function parsePairs(pairs: readonly string[]): unknown {
  const root = new Branch();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 0) throw new UsageError(`${JSON.stringify(pair)} is no argument of a task: write key=value, key:=JSON, or - alone to read JSON from standard input`);
    const isJson = pair[equals - 1] === ":";
    const key = pair.slice(0, isJson ? equals - 1 : equals);
    const text = pair.slice(equals + 1);
    put(root, key, isJson ? parseArgumentJson(text, `${key}:=`) : valueOf(text));
  }
  return objectOf(root);
}

/** Reads JSON for a task; its numbers keep their digits. @throws UsageError naming `where` it was written */
export function parseArgumentJson(text: string, where: string): unknown {
  try {
    parseJson(text); // knows how deep a message may nest
    return JSON.parse(text, keepDigits as (this: unknown, key: string, value: unknown) => unknown);
  } catch (error) {
    const place = /at position \d+/.exec((error as Error).message)?.[0];
    const nests = (error as Error).message.includes("nests deeper");
    throw new UsageError(nests ? `${where} nests deeper than a message may: flatten it` : `${where} is not JSON${place === undefined ? "" : ` ${place}`}: quote it for the shell, as in '{"all":true}'`);
  }
}

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  return typeof value === "number" && context.source !== undefined ? numberOf(context.source) : value;
}

function valueOf(text: string): unknown {
  if (words.has(text)) return words.get(text);
  return jsonNumber.test(text) ? numberOf(text) : text;
}

function numberOf(text: string): unknown {
  const number = Number(text);
  return JSON.stringify(number) === text ? number : (JSON as unknown as WithRawJson).rawJSON(text);
}

function put(root: Branch, key: string, value: unknown): void {
  const path = key.split(".");
  const name = JSON.stringify(key);
  if (path.includes("")) throw new UsageError(`the key ${name} is empty or has an empty part: write key=value, or a.b=value for an object in an object`);
  if (path.length > maxLevels) throw new UsageError(`a key has ${path.length} parts, and may have ${maxLevels}: give such arguments with --json`);
  const forbidden = path.find((part) => forbiddenKeys.has(part));
  if (forbidden !== undefined) throw new UsageError(`the key ${name} holds ${forbidden}, which names no argument here: a task that has such an argument takes it with --json`);
  let branch = root;
  for (const [index, part] of path.slice(0, -1).entries()) {
    const there = branch.get(part);
    if (there !== undefined && !(there instanceof Branch)) throw new UsageError(`${JSON.stringify(path.slice(0, index + 1).join("."))} is a value and ${name} lies inside it: give one of both`);
    const next = there ?? new Branch();
    branch.set(part, next);
    branch = next;
  }
  const last = path.at(-1) ?? "";
  const before = branch.get(last);
  if (before instanceof Branch) throw new UsageError(`${name} is a value and ${JSON.stringify(`${key}.${[...before.keys()][0] ?? ""}`)} lies inside it: give one of both`);
  if (branch.has(last)) throw new UsageError(`the key ${name} is given twice: give it once, or an array as ${key}:='[1,2]'`);
  branch.set(last, value);
}

function objectOf(branch: Branch): Record<string, unknown> {
  return Object.fromEntries([...branch].map(([key, value]) => [key, value instanceof Branch ? objectOf(value) : value]));
}
