import { optional, readChecked, readChoice, readCount, readDuration, readText, toggle, withDefault } from "./setting.ts";
import type { Setting, SettingValues } from "./setting.ts";

// The library is loaded when a value has to be checked by it: help, completion and errors need not wait for it.
const readDirectory = readChecked(async (text) => (await import("@acomm/tracker")).checkSocketDirectory(text), "socketDir");
const readServiceName = readChecked(async (text) => (await import("@acomm/tracker")).checkServiceName(text), "name");
const readUrl = readChecked(async (text) => {
  (await import("@acomm/protocol")).parseUrl(text);
  return text;
}, "url");

const socketDir: Setting<string | undefined> = optional("-d, --socket-dir <dir>", "the directory that holds the sockets", readDirectory);
const coordinator: Setting<string> = withDefault("--coordinator <name>", "the coordinator in that directory (main)", readServiceName, "main");
const url: Setting<string | undefined> = optional("-u, --url <url>", "ask this service instead: unix:///path, http://host", readUrl);
const timeoutMs = (unset: number, about: string): Setting<number> => withDefault("-t, --timeout <duration>", about, readDuration(1), unset);
const graceMs: Setting<number> = withDefault("--grace <duration>", "how long SIGTERM waits for work under way (10s)", readDuration(0), 10_000);

/** What every command takes. */
export const commonSettings = {
  output: withDefault("-o, --output <format>", "table, json, or auto: a table on a terminal, else JSON lines", readChoice(["auto", "table", "json"]), "auto"),
  config: optional("--config <file>", "the configuration file (~/.config/acomm/config.json)", readText),
} as const satisfies Readonly<Record<string, Setting>>;

/** Whom a command asks. */
const targetSettings = { socketDir, coordinator, url, tokenFile: optional("--token-file <file>", "a file with the bearer token for an http: URL", readText) };

export const callSettings = {
  json: optional("-j, --json <text>", "the arguments as JSON", readText),
  timeoutMs: timeoutMs(30_000, "give up after this long (30s)"),
  progress: toggle("-p, --progress", "show how far the task is, on standard error"),
  streamIn: optional("--stream-in <file>", "send the bytes of a file, - for standard input", readText),
  streamOut: optional("--stream-out <file>", "write the answer's stream to a file, - for standard output", readText),
  ...targetSettings,
} as const satisfies Readonly<Record<string, Setting>>;

export const streamSettings = {
  streamOut: optional("--stream-out <file>", "write to a file instead of standard output", readText),
  timeoutMs: timeoutMs(60_000, "give up after this long without a byte (60s)"),
} as const satisfies Readonly<Record<string, Setting>>;

export const listSettings = { socketDir, timeoutMs: timeoutMs(2000, "how long to wait for each provider (2s)") } as const satisfies Readonly<Record<string, Setting>>;

export const describeSettings = { timeoutMs: timeoutMs(5000, "give up after this long (5s)"), ...targetSettings } as const satisfies Readonly<Record<string, Setting>>;

export const benchSettings = {
  json: optional("-j, --json <text>", "the arguments as JSON", readText),
  count: optional("-n, --count <calls>", "how many calls, instead of a duration", readCount(1, 1_000_000_000)),
  durationMs: withDefault("--duration <duration>", "how long to call (5s)", readDuration(100), 5000),
  concurrency: withDefault("-c, --concurrency <calls>", "how many calls are under way at once (50)", readCount(1, 10_000), 50),
  timeoutMs: timeoutMs(30_000, "give a call up after this long (30s)"),
  ...targetSettings,
} as const satisfies Readonly<Record<string, Setting>>;

export const topSettings = {
  intervalMs: withDefault("--interval <duration>", "how often to look (1s)", readDuration(100), 1000),
  count: optional("-n, --count <looks>", "leave after so many looks", readCount(1, 1_000_000_000)),
  ...targetSettings,
} as const satisfies Readonly<Record<string, Setting>>;

export const providerSettings = { socketDir, graceMs } as const satisfies Readonly<Record<string, Setting>>;

export const coordinatorSettings = {
  name: withDefault("--name <name>", "the name of its socket (main)", readServiceName, "main"),
  http: optional("--http <[host:]port>", "listen for HTTP as well, on loopback unless a host is given", readText),
  graceMs,
  socketDir,
} as const satisfies Readonly<Record<string, Setting>>;

/** What one command gets to know. */
export type ValuesOf<Settings extends Readonly<Record<string, Setting>>> = SettingValues<Settings & typeof commonSettings>;
