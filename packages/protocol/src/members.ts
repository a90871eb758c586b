import { AcommError, badField } from "./acomm-error.ts";
import { foldKey, kindOf } from "./fields.ts";
import { decodeUtf8, memberSpans, parseJson } from "./json-text.ts";

/** The keys of a message. Built by {@link createKeyTable}. */
export interface KeyTable {
  /** The name that is written, by each spelling that is taken. */
  readonly names: ReadonlyMap<string, string>;
  /** Each spelling that is taken, by its {@link foldKey}. */
  readonly folded: ReadonlyMap<string, string>;
}

/** The text of each member that is there, by the name that is written. */
export type Members = ReadonlyMap<string, { readonly text: string; readonly value: unknown }>;

/** Takes the spellings of each key: the first is the one that is written. */
export function createKeyTable(keys: readonly (readonly [name: string, ...aliases: string[]])[]): KeyTable {
  const names = new Map(keys.flatMap((spellings) => spellings.map((spelling) => [spelling, spellings[0]])));
  return { names, folded: new Map([...names.keys()].map((spelling) => [foldKey(spelling), spelling])) };
}

/**
 * Reads a JSON object and finds its known members, whose text is kept. Unknown keys are ignored, of a repeated key the
 * last one counts.
 *
 * @throws `bad_json`; `bad_field` for two spellings of one key, or one that differs only in case.
 */
export function readMembers(message: string | Uint8Array, keys: KeyTable, maxDepth?: number): Members {
  const text = typeof message === "string" ? message : decodeUtf8(message);
  const value = parseJson(text, maxDepth);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AcommError("bad_json", `the message must be a JSON object, but is ${kindOf(value)}`);
  }
  const seen = new Map<string, string>();
  const members = new Map<string, { text: string; value: unknown }>();
  for (const { key, start, end } of memberSpans(text)) {
    const name = keys.names.get(key);
    if (name === undefined) {
      const known = keys.folded.get(foldKey(key));
      if (known !== undefined) throw badField(`${JSON.stringify(key)} differs from the key ${known} only in case: write ${known}`);
      continue;
    }
    const other = seen.get(name);
    if (other !== undefined && other !== key) throw badField(`${other} and ${key} are two spellings of one key: send one of them`);
    seen.set(name, key);
    members.set(name, { text: text.slice(start, end), value: (value as Record<string, unknown>)[key] });
  }
  return members;
}

/** The extensions of a message. @throws `bad_field` unless they are an object. */
export function readExtensions(members: Members): Readonly<Record<string, unknown>> | undefined {
  const ext = members.get("ext")?.value ?? undefined;
  if (ext === undefined) return undefined;
  if (typeof ext !== "object" || Array.isArray(ext)) throw badField(`ext must be an object, but is ${kindOf(ext)}`);
  return ext as Readonly<Record<string, unknown>>;
}

/** What a message's extensions say of the end of its stream. */
export function readStreamEnd(ext: Readonly<Record<string, unknown>> | undefined): "half-close" | undefined {
  return ext?.["streamEnd"] === "half-close" ? "half-close" : undefined;
}
