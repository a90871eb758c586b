import { AcommError } from "@acomm/protocol";
import { coordinatorSocketPath } from "@acomm/tracker";
import type { Invocation } from "./command.ts";
import type { TargetValues } from "./settings.ts";
import { checkUsualDirectory, usualSocketDirectory } from "./socket-directory.ts";

/** Whom a command asks. */
export interface Target {
  readonly url: string;
  /** What to do where nobody listens there. */
  readonly hint: string;
}

type WithDirectory = Pick<Invocation, "environment"> & { readonly settings: Pick<TargetValues, "socketDir"> };
type WithTarget = Pick<Invocation, "environment"> & { readonly settings: Pick<TargetValues, "socketDir" | "coordinator" | "url"> };

/** The directory of the sockets: the one that was chosen, or the user's own. @throws UsageError where that belongs to somebody else */
export function socketDirectoryOf({ settings, environment }: WithDirectory): string {
  if (settings.socketDir !== undefined) return settings.socketDir;
  const uid = process.getuid?.() ?? 0;
  const directory = usualSocketDirectory(environment, uid);
  checkUsualDirectory(directory, uid);
  return directory;
}

/** Whom a command asks: the service of `--url`, or else the coordinator in the socket directory. */
export function targetOf(invocation: WithTarget): Target {
  const { url, coordinator } = invocation.settings;
  if (url !== undefined) return { url, hint: `nobody serves at ${url}: start the service, or choose another with --url` };
  const directory = socketDirectoryOf(invocation);
  const path = coordinatorSocketPath(directory, coordinator);
  const named = coordinator === "main" ? "" : ` --name ${coordinator}`;
  return { url: urlOfPath(path), hint: `nobody serves a coordinator at ${path}: start one with acomm coordinator --socket-dir ${directory}${named}, or name a service with --url` };
}

/** The URL of a socket's path. */
export function urlOfPath(path: string): string {
  return `unix://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`;
}

/** The error, with what to do where it says that nobody listens at the target. */
export function explainUnavailable(error: unknown, target: Target): unknown {
  if (!(error instanceof AcommError) || error.code !== "unavailable") return error;
  const code: unknown = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ECONNREFUSED" ? new AcommError("unavailable", target.hint, { cause: error.cause }) : error;
}
