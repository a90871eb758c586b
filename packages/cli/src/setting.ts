import { maxDurationMs, parseDuration, formatDuration } from "./duration.ts";
import { UsageError } from "./usage-error.ts";

/** Something that a flag, the environment or the configuration file may say. */
export interface Setting<Value = unknown> {
  /** As the parser takes it: `--timeout <duration>`, `-o, --output <format>`, or without a value `--progress`. */
  readonly flags: string;
  /** One line of help. */
  readonly about: string;
  /** Turns what was written, of a list one entry, into its value. @throws UsageError that goes on after the setting's name: "must be …" */
  readonly read: (text: string) => unknown;
  /** The value where nobody says anything. */
  readonly unset: Value;
  /** Whether it may be given several times. */
  readonly isList: boolean;
}

type Reader<Value> = (text: string) => Value | Promise<Value>;

/** A setting that has a value in any case. */
export function withDefault<Value>(flags: string, about: string, read: Reader<Value>, unset: Value): Setting<Value> {
  return { flags, about, read, unset, isList: false };
}

/** A setting that may be left out. */
export function optional<Value>(flags: string, about: string, read: Reader<Value>): Setting<Value | undefined> {
  return { flags, about, read, unset: undefined, isList: false };
}

/** A setting that may be given several times, in the environment with commas between. */
export function list<Value>(flags: string, about: string, read: Reader<Value>): Setting<readonly Value[]> {
  return { flags, about, read, unset: [], isList: true };
}

/** A setting without a value: off, unless it is given. */
export function toggle(flags: string, about: string): Setting<boolean> {
  return { flags, about, read: readSwitch, unset: false, isList: false };
}

/** The settings that have these values, by the same keys. */
export type SettingsFor<Values> = { readonly [Key in keyof Values]: Setting<Values[Key]> };

/** Where values come from besides the flags. */
export interface SettingSources {
  /** What the flags say, by the key of each setting: a text, a list of texts, or true for a switch. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
}

/** A configuration file that was read. */
export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
}

/** The name of a setting in the configuration file: `socketDir` for `--socket-dir`. */
export function keyOf(setting: Setting): string {
  return longFlagOf(setting).slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The name of a setting in the environment: `ACOMM_SOCKET_DIR` for `--socket-dir`. */
export function environmentNameOf(setting: Setting): string {
  return `ACOMM_${longFlagOf(setting).slice(2).replaceAll("-", "_").toUpperCase()}`;
}

function longFlagOf(setting: Setting): string {
  return /--[a-z-]+/.exec(setting.flags)?.[0] ?? setting.flags;
}

/**
 * The values of settings: a flag wins over the environment, the environment over the configuration file.
 *
 * @throws UsageError that names the flag, the variable or the key whose value is wrong, and its limit
 */
export async function resolveSettings<Values>(settings: SettingsFor<Values>, sources: SettingSources): Promise<Values> {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settings as Readonly<Record<string, Setting>>)) values[name] = await resolveSetting(setting, sources);
  return values as Values;
}

async function resolveSetting(setting: Setting, { flags, environment, file }: SettingSources): Promise<unknown> {
  const key = keyOf(setting);
  const flag = flags[key];
  if (flag !== undefined) return readAll(setting, flag, longFlagOf(setting));
  const name = environmentNameOf(setting);
  const variable = environment[name];
  if (variable !== undefined && variable !== "") return readAll(setting, setting.isList ? variable.split(",") : variable, name);
  if (file?.values.has(key) === true) return readAll(setting, file.values.get(key), `${key} in ${file.path}`);
  return setting.unset;
}

async function readAll(setting: Setting, written: unknown, where: string): Promise<unknown> {
  try {
    if (!setting.isList) return await setting.read(textOf(written));
    return await Promise.all((Array.isArray(written) ? written : [written]).map((one) => setting.read(textOf(one))));
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${where} ${error.message}`);
    throw error;
  }
}

function textOf(written: unknown): string {
  if (typeof written === "string" || typeof written === "number" || typeof written === "boolean") return String(written);
  throw new UsageError(`must be a text, a number or true or false, but is ${written === null ? "null" : Array.isArray(written) ? "an array" : "an object"}`);
}

/** What is said of a value that is wrong. */
export function butIs(text: string): string {
  return `but is ${text.length > 60 ? `a text of ${text.length} characters` : JSON.stringify(text)}`;
}

/** Reads a duration within limits; milliseconds where it has no unit. */
export function readDuration(leastMs: number, mostMs: number = maxDurationMs): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
    throw new UsageError(`must be a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)} (${mostMs} ms), such as 500ms, 30s or 2m, ${butIs(text)}`);
  };
}

/** Reads a whole number within limits. */
export function readCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (count >= least && count <= most) return count;
    throw new UsageError(`must be a whole number from ${least} to ${most}, ${butIs(text)}`);
  };
}

/** Reads one of some words. */
export function readChoice<const Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((one) => one === text);
    if (choice !== undefined) return choice;
    throw new UsageError(`must be ${choices.slice(0, -1).join(", ")} or ${choices.at(-1) ?? ""}, ${butIs(text)}`);
  };
}

/** Reads whether a switch is on. */
function readSwitch(text: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new UsageError(`must be true or false, ${butIs(text)}`);
}

/** Reads any text but an empty one. */
export function readText(text: string): string {
  if (text !== "") return text;
  throw new UsageError("must not be empty");
}

/** Reads what a check of the library takes. @param check rejects with an error that says what is wrong, and may begin with `field` */
export function readChecked<Value>(check: (text: string) => Promise<Value>, field: string): (text: string) => Promise<Value> {
  return async (text) => {
    try {
      return await check(text);
    } catch (error) {
      throw new UsageError((error as Error).message.replace(new RegExp(`^${field}:? `), ""));
    }
  };
}
