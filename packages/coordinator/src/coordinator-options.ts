import type { OptionNames } from "@acomm/protocol";
import type { ErrorHook, HttpDoorOptions, ServiceNetwork } from "@acomm/transport";
import type { AllowList } from "./allow-list.ts";

/** The door to the outside. */
export interface CoordinatorHttpOptions extends Pick<HttpDoorOptions, "host" | "port" | "allowedHosts" | "allowedOrigins" | "tls" | "maxConnections" | "headersTimeoutMs" | "requestTimeoutMs"> {
  /** The URL by which others reach the door, such as that of a proxy in front of it: in signed stream URLs, and as hook for other coordinators. @default where it listens */
  readonly publicUrl?: string | URL | undefined;
  /** Who may call: each caller shows one of these as `Authorization: Bearer …`. @default everybody who gets in */
  readonly tokens?: readonly string[] | undefined;
  /** How long a caller may have its connection held, in milliseconds; who asks for more gets this. @default 60 000 */
  readonly maxWaitMs?: number | undefined;
  /** How many connections may be held at once; more are refused with `overloaded`. @default 1000 */
  readonly maxWaiting?: number | undefined;
  /** How often a caller that takes events hears that the connection lives, in milliseconds. @default 15 000 */
  readonly heartbeatMs?: number | undefined;
  /** The longest body, in bytes. @default 16 MiB */
  readonly maxBodyBytes?: number | undefined;
}

/** What of the URLs in requests may be opened. A caller's own unix hook and unix stream never are: its provider opens them. */
export interface CoordinatorAdmissions {
  /** Other coordinators that a request may be for. @default none */
  readonly taskUrls?: AllowList | undefined;
  /** Response hooks of http(s). @default none */
  readonly hooks?: AllowList | undefined;
  /** Stream sources of http(s). @default none */
  readonly streams?: AllowList | undefined;
}

/** What a `Coordinator` takes. */
export interface CoordinatorOptions {
  /** The directory that the sockets of a system share, an absolute path. It is made where it is missing. */
  readonly socketDir: string;
  /** A network whose providers are called as well, beside those of the directory; it stays open after the stop. @default none */
  readonly network?: ServiceNetwork | undefined;
  /** Its socket is `<socketDir>/coordinator/<name>.sock`. @default main */
  readonly name?: string | undefined;
  /** @default no door to the outside */
  readonly http?: CoordinatorHttpOptions | undefined;
  /** What of the URLs in requests may be opened. @default none of http(s), and no other coordinator */
  readonly admit?: CoordinatorAdmissions | undefined;
  /** How many coordinators a request may go through, this one included. @default 8 */
  readonly maxHops?: number | undefined;
  /** How long a call waits where its task is known and has no provider just now, in milliseconds. @default 2000 */
  readonly waitForProviderMs?: number | undefined;
  /** How long a call may take that doesn't say, in milliseconds. @default 300 000 */
  readonly defaultTimeoutMs?: number | undefined;
  /** How many calls may be under way on the socket, and as many again over HTTP; more are refused with `overloaded`. @default 10 000 */
  readonly maxInFlight?: number | undefined;
  /** How long a provider may take to acknowledge, in milliseconds. @default 5000 */
  readonly ackTimeoutMs?: number | undefined;
  /** How often to look at the whole directory, and at the network, whatever they have told, in milliseconds. @default 5000 */
  readonly rescanMs?: number | undefined;
  /** The id of a group whose members may connect to the socket as well. @default none */
  readonly group?: number | undefined;
  /** Gets the failures that no caller can receive. @default they go to `node:diagnostics_channel` alone */
  readonly onError?: ErrorHook | undefined;
}

export const coordinatorOptionNames: OptionNames<CoordinatorOptions> = {
  socketDir: true,
  network: true,
  name: true,
  http: true,
  admit: true,
  maxHops: true,
  waitForProviderMs: true,
  defaultTimeoutMs: true,
  maxInFlight: true,
  ackTimeoutMs: true,
  rescanMs: true,
  group: true,
  onError: true,
};

export const coordinatorHttpOptionNames: OptionNames<CoordinatorHttpOptions> = {
  host: true,
  port: true,
  allowedHosts: true,
  allowedOrigins: true,
  tls: true,
  maxConnections: true,
  headersTimeoutMs: true,
  requestTimeoutMs: true,
  publicUrl: true,
  tokens: true,
  maxWaitMs: true,
  maxWaiting: true,
  heartbeatMs: true,
  maxBodyBytes: true,
};

export const coordinatorAdmissionNames: OptionNames<CoordinatorAdmissions> = { taskUrls: true, hooks: true, streams: true };
