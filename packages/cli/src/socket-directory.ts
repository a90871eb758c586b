import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Where the sockets of this user are unless somebody says otherwise: a directory that nobody else may write to. */
export function usualSocketDirectory(environment: Readonly<Record<string, string | undefined>>, uid: number): string {
  const { XDG_RUNTIME_DIR: runtimeDirectory } = environment;
  // what belongs to somebody else, as after `sudo`, is no place for the sockets of this user
  if (runtimeDirectory !== undefined && isAbsolute(runtimeDirectory) && ownerOf(runtimeDirectory) === uid) return join(runtimeDirectory, "acomm");
  return uid === 0 ? "/run/acomm" : `/tmp/acomm-${uid}`;
}

/**
 * Checks that a directory, if it is there, can be trusted with what a caller sends: whoever owns it owns what listens there.
 * One that was chosen is the chooser's concern, one in `/tmp` may have been made by anybody.
 *
 * @throws UsageError
 */
export function checkUsualDirectory(directory: string, uid: number): void {
  const owner = ownerOf(directory);
  if (owner !== undefined && owner !== uid) throw new UsageError(`the socket directory ${directory} belongs to uid ${owner}, this process runs as ${uid}: choose another with --socket-dir`);
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}
