import { butIs, list, optional, readChecked, readChoice, readCount, readDuration, readText, toggle, withDefault } from "./setting.ts";
import type { Setting, SettingsFor } from "./setting.ts";
import { UsageError } from "./usage-error.ts";

// The library is loaded when a value has to be checked by it: help, completion and errors need not wait for it.
const readDirectory = readChecked(async (text) => (await import("@acomm/tracker")).checkSocketDirectory(text), "socketDir");
const readServiceName = readChecked(async (text) => (await import("@acomm/tracker")).checkServiceName(text), "name");
const readUrl = readChecked(async (text) => {
  (await import("@acomm/protocol")).parseUrl(text);
  return text;
}, "url");

/** Reads `8080`, `0.0.0.0:8080` or `[::1]:8080`. */
function readListenAddress(text: string): { readonly host: string | undefined; readonly port: number } {
  const [, host, port = ""] = /^(?:([^:]+|\[[\da-fA-F:.]+\]):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === "" || Number(port) > 65_535) throw new UsageError(`must be a port from 0 to 65535, with a host before it or without, such as 8080 or 0.0.0.0:8080, ${butIs(text)}`);
  return { host: host?.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** Reads the URL of a server, without a subject. */
async function readNatsServer(text: string): Promise<string> {
  const { parseUrl } = await import("@acomm/protocol");
  const url = URL.canParse(text) ? parseUrl(text) : undefined;
  if (url?.protocol === "nats:" && url.hostname !== "" && /^\/?$/.test(url.pathname)) return text;
  throw new UsageError(`must be the URL of a server such as nats://127.0.0.1:4222, ${butIs(text)}`);
}

const socketDir: Setting<string | undefined> = optional("-d, --socket-dir <dir>", "the directory that holds the sockets", readDirectory);
const natsServer = (about: string): Setting<string | undefined> => optional("--nats <url>", `${about}: nats://host:4222`, readNatsServer);
const nats: Setting<string | undefined> = natsServer("a NATS server whose providers count too");
const natsCreds: Setting<string | undefined> = optional("--nats-creds <file>", "a .creds file, for the NATS server", readText);
const coordinator: Setting<string> = withDefault("--coordinator <name>", "the coordinator in that directory (main)", readServiceName, "main");
const url: Setting<string | undefined> = optional("-u, --url <url>", "ask this service instead: unix:///path, http://host, nats://host/subject", readUrl);
const timeoutMs = (unset: number, about: string): Setting<number> => withDefault("-t, --timeout <duration>", about, readDuration(1), unset);
const graceMs: Setting<number> = withDefault("--grace <duration>", "how long SIGTERM waits for work under way (10s)", readDuration(0), 10_000);

/** What every command takes. */
export interface CommonValues {
  readonly output: "auto" | "table" | "json";
  readonly config: string | undefined;
}

export const commonSettings: SettingsFor<CommonValues> = {
  output: withDefault("-o, --output <format>", "table, json, or auto: a table on a terminal, else JSON lines", readChoice(["auto", "table", "json"]), "auto"),
  config: optional("--config <file>", "the configuration file (~/.config/acomm/config.json)", readText),
};

/** A network of more than one machine. */
export interface NetworkValues {
  readonly nats: string | undefined;
  readonly natsCreds: string | undefined;
}

/** Whom a command asks. */
export interface TargetValues {
  readonly socketDir: string | undefined;
  readonly coordinator: string;
  readonly url: string | undefined;
  readonly tokenFile: string | undefined;
  readonly natsCreds: string | undefined;
}

const targetSettings: SettingsFor<TargetValues> = { socketDir, coordinator, url, tokenFile: optional("--token-file <file>", "a file with the bearer token for an http: URL", readText), natsCreds };

export interface CallValues extends TargetValues {
  readonly json: string | undefined;
  readonly timeoutMs: number;
  readonly progress: boolean;
  readonly streamIn: string | undefined;
  readonly streamOut: string | undefined;
}

export const callSettings: SettingsFor<CallValues> = {
  json: optional("-j, --json <text>", "the arguments as JSON", readText),
  timeoutMs: timeoutMs(30_000, "give up after this long (30s)"),
  progress: toggle("-p, --progress", "show how far the task is, on standard error"),
  streamIn: optional("--stream-in <file>", "send the bytes of a file, - for standard input", readText),
  streamOut: optional("--stream-out <file>", "write the answer's stream to a file, - for standard output", readText),
  ...targetSettings,
};

export interface StreamValues {
  readonly streamOut: string | undefined;
  readonly timeoutMs: number;
}

export const streamSettings: SettingsFor<StreamValues> = {
  streamOut: optional("--stream-out <file>", "write to a file instead of standard output", readText),
  timeoutMs: timeoutMs(60_000, "give up after this long without a byte (60s)"),
};

export interface ListValues extends NetworkValues {
  readonly socketDir: string | undefined;
  readonly timeoutMs: number;
}

export const listSettings: SettingsFor<ListValues> = { socketDir, nats, natsCreds, timeoutMs: timeoutMs(2000, "how long to wait for each provider (2s)") };

export interface DescribeValues extends TargetValues {
  readonly timeoutMs: number;
}

export const describeSettings: SettingsFor<DescribeValues> = { timeoutMs: timeoutMs(5000, "give up after this long (5s)"), ...targetSettings };

export interface BenchValues extends TargetValues {
  readonly json: string | undefined;
  readonly count: number | undefined;
  readonly durationMs: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
}

export const benchSettings: SettingsFor<BenchValues> = {
  json: optional("-j, --json <text>", "the arguments as JSON", readText),
  count: optional("-n, --count <number>", "how many calls, instead of a duration", readCount(1, 1_000_000_000)),
  durationMs: withDefault("--duration <duration>", "how long to call (5s)", readDuration(100), 5000),
  concurrency: withDefault("-c, --concurrency <number>", "how many calls are under way at once (50)", readCount(1, 10_000), 50),
  timeoutMs: timeoutMs(30_000, "give a call up after this long (30s)"),
  ...targetSettings,
};

export interface TopValues extends TargetValues {
  readonly intervalMs: number;
  readonly count: number | undefined;
}

export const topSettings: SettingsFor<TopValues> = {
  intervalMs: withDefault("--interval <duration>", "how often to look (1s)", readDuration(100), 1000),
  count: optional("-n, --count <number>", "leave after so many looks", readCount(1, 1_000_000_000)),
  ...targetSettings,
};

export interface ProviderValues extends NetworkValues {
  readonly socketDir: string | undefined;
  readonly graceMs: number;
}

export const providerSettings: SettingsFor<ProviderValues> = { socketDir, nats: natsServer("a NATS server to be found on as well"), natsCreds, graceMs };

export interface CoordinatorValues extends NetworkValues {
  readonly name: string;
  readonly http: { readonly host: string | undefined; readonly port: number } | undefined;
  readonly publicUrl: string | undefined;
  readonly allowHosts: readonly string[];
  readonly allowOrigins: readonly string[];
  readonly tokenFile: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly maxWaitMs: number | undefined;
  readonly admitTasks: readonly string[];
  readonly admitHooks: readonly string[];
  readonly admitStreams: readonly string[];
  readonly maxHops: number | undefined;
  readonly waitForProviderMs: number | undefined;
  readonly graceMs: number;
  readonly socketDir: string | undefined;
}

export const coordinatorSettings: SettingsFor<CoordinatorValues> = {
  name: withDefault("--name <name>", "the name of its socket (main)", readServiceName, "main"),
  socketDir,
  nats,
  natsCreds,
  http: optional("--http <address>", "listen for HTTP as well: a port (0 is any free one) on loopback, or host:port", readListenAddress),
  publicUrl: optional("--public-url <url>", "where others reach the HTTP door, if not where it listens", readUrl),
  allowHosts: list("--allow-host <name>", "a name by which it may be addressed over HTTP; repeatable", readText),
  allowOrigins: list("--allow-origin <origin>", "web pages that may call it (CORS); repeatable", readText),
  tokenFile: optional("--token-file <file>", "a file with the bearer tokens that may call, one a line", readText),
  tlsCert: optional("--tls-cert <file>", "the certificate that makes it HTTPS, as PEM", readText),
  tlsKey: optional("--tls-key <file>", "its private key, as PEM", readText),
  maxWaitMs: optional("--max-wait <duration>", "how long an HTTP caller may have its connection held (60s)", readDuration(1)),
  admitTasks: list("--admit-task-url <url>", "another coordinator that requests may name; repeatable", readText),
  admitHooks: list("--admit-hook <origin>", "where answers may go over HTTP; repeatable", readText),
  admitStreams: list("--admit-stream <origin>", "where streams may be read over HTTP; repeatable", readText),
  maxHops: optional("--max-hops <number>", "how many coordinators a request may go through (8)", readCount(1, 100)),
  waitForProviderMs: optional("--wait-for-provider <duration>", "how long a call waits for a known task's provider (2s)", readDuration(0)),
  graceMs,
};
