import { AcommError, badField, socketPathOf } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { nodeCodeOf } from "./node-error.ts";

/** What it is for: to send a response, read a stream, or run the task. */
export type TargetPurpose = "response" | "stream" | "task";

const purposes: Readonly<Record<TargetPurpose, string>> = { response: "response hook", stream: "stream", task: "task URL" };

/** Decides whether a URL out of a message may be opened. Throwing means no. */
export type TargetPolicy = (url: AcommUrl, purpose: TargetPurpose) => boolean | Promise<boolean>;

/** What {@link admitTargets} admits. */
export interface AdmittedTargets {
  /** Such as `https://example.com`. Whoever holds the name decides where it leads. @default none */
  readonly origins?: readonly (string | URL)[] | undefined;
  /** Sockets in them, at any depth. @default every unix socket */
  readonly socketDirectories?: readonly string[] | undefined;
  /** Of your own transports. @default none */
  readonly schemes?: readonly string[] | undefined;
}

/**
 * A policy from lists: by default unix sockets alone, as wherever a policy is left out. A path must be in a directory as written
 * and as its links lead.
 *
 * @throws `bad_field` for an origin not of http(s), a directory that isn't absolute
 */
export function admitTargets(targets: AdmittedTargets = {}): TargetPolicy {
  const origins = new Set((targets.origins ?? []).map(originOf));
  const directories = targets.socketDirectories?.map(directoryOf);
  const schemes = new Set(targets.schemes);
  return (url) => {
    if (url.protocol !== "unix:") return origins.has(url.origin) || schemes.has(url.protocol.slice(0, -1));
    return directories === undefined || isInside(socketPathOf(url), directories);
  };
}

async function isInside(path: string, directories: readonly string[]): Promise<boolean> {
  const asWritten = normalize(path);
  for (const directory of directories) {
    if (asWritten.startsWith(directory) && (await whereLinksLead(asWritten)).startsWith(normalize(`${await whereLinksLead(directory)}/`))) return true;
  }
  return false;
}

/** The path without links; what isn't there yet leads nowhere else. */
async function whereLinksLead(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (nodeCodeOf(error) !== "ENOENT" || (await isLink(path))) throw error;
    return join(await whereLinksLead(dirname(path)), basename(path));
  }
}

/** A link that leads nowhere may lead somewhere by the time it is followed. */
async function isLink(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isSymbolicLink() === true;
}

/** Asks a policy. @throws `forbidden_target` unless it admits the URL */
export async function checkTarget(policy: TargetPolicy, url: AcommUrl, purpose: TargetPurpose): Promise<void> {
  let isAdmitted = false;
  let cause: unknown;
  try {
    isAdmitted = await policy(url, purpose);
  } catch (error) {
    cause = error;
  }
  if (isAdmitted) return;
  throw new AcommError("forbidden_target", `the ${purposes[purpose]} at ${url.protocol}//${url.host} is not admitted: let the policy (admit) admit it`, { cause });
}

function originOf(input: string | URL): string {
  const url = URL.canParse(String(input)) ? new URL(input) : undefined;
  // most other schemes have the origin "null", so one of them would admit all of them
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.origin;
  throw badField(`origins: ${url === undefined ? "what is no URL" : `a URL of ${url.protocol}`} is not an origin of http or https: name other schemes in schemes`);
}

/** The directory as it is compared: without dots, and with one slash at its end. */
function directoryOf(directory: string): string {
  // an empty one would be the root, which admits every socket
  if (typeof directory !== "string" || !isAbsolute(directory)) throw badField("socketDirectories: each must be an absolute path such as /run/acomm");
  return normalize(`${directory}/`);
}
