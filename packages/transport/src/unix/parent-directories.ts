import { badAddress } from "./socket-path.ts";
import { lstat, readlink } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { nodeCodeOf, translateNodeError } from "../node-error.ts";

/** As many links as the kernel follows. */
const maxLinks = 40;

/**
 * Checks every directory above `directory`, and those that links on the way lead through: whoever may rename one of them can
 * put a directory of his own in its place, and with it a socket. Each must belong to this user, to root or to the owner of
 * the file system's root, and not be open to everybody's writing, unless it is sticky. A group that may write is trusted.
 *
 * @returns whether `directory` is there
 * @throws `bad_address`
 */
export async function checkParents(directory: string, linksLeft: number = maxLinks): Promise<boolean> {
  const uid = process.getuid?.();
  const steps: string[] = [];
  for (let step = directory; step !== dirname(step); step = dirname(step)) steps.unshift(step);
  const [root, ...all] = await Promise.all(["/", ...steps].map(lookAt));
  for (const [index, stats] of all.entries()) {
    const step = steps[index] ?? "";
    if (stats === undefined) return false; // what is missing is made by us, below what was checked
    if (step === directory) return true; // it is held to more than its parents
    if (uid !== undefined && stats.uid !== uid && stats.uid !== 0 && stats.uid !== root?.uid) {
      throw badAddress(`${step}, above the socket directory ${directory}, belongs to uid ${stats.uid}, who could replace what is below it: choose a directory whose parents belong to you or root`);
    }
    if (stats.isSymbolicLink()) {
      if (linksLeft === 0) throw badAddress(`the socket directory ${directory} is behind too many links: give the directory itself`);
      const target = resolve(dirname(step), await readlink(step));
      return checkParents(`${target === "/" ? "" : target}${directory.slice(step.length)}`, linksLeft - 1);
    }
    if ((stats.mode & 0o1002) === 0o002) {
      throw badAddress(`everybody may write to ${step}, above the socket directory ${directory}, and so replace what is below it: take that right away with chmod o-w`);
    }
  }
  return true;
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = nodeCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined; // making it finds out what is wrong
    throw translateNodeError(error, `look at ${path}, above a socket directory`);
  }
}
