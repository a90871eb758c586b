import { chmod, chown, lstat, mkdir, mkdtemp, open, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Stats } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { maxSocketPathBytes } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { nodeCodeOf, translateNodeError } from "../node-error.ts";
import { nodeCrypto } from "../node-modules.ts";
import { connectUnix } from "./connect.ts";
import { checkParents } from "./parent-directories.ts";
import { badAddress, checkSocketPath } from "./socket-path.ts";

/** As many connections as the kernel queues while the process is busy; more than most kernels grant. */
const backlog = 4096;
const lockWaitMs = 5000;

/** A socket file that this process owns. */
export interface SocketFile {
  /** Whether the file is still there, and ours. */
  state(): Promise<"ours" | "removed" | "replaced">;
  /** Removes the file, if it is still ours. */
  remove(): Promise<void>;
}

/**
 * Makes `server` listen at `path`: in a private directory that is made if it is missing, bound beside the path with mode
 * 0600 and renamed into place, so that nobody ever connects to a half-made socket. A stale socket of a dead process is
 * replaced; a live one, or anything that is not a socket, is refused. Of two that start at once one wins.
 *
 * @param group whose members may connect as well: the socket is 0660 then, a directory that is made 0750
 * @throws `bad_address`
 */
export async function listenAt(server: Server, path: string, group?: number): Promise<SocketFile> {
  checkSocketPath(path);
  const directory = dirname(path);
  if (!(await checkParents(directory))) {
    await makeDirectory(directory, group);
    await checkParents(directory); // somebody may have been faster
  }
  await checkDirectory(directory);
  const unlock = await lock(path);
  try {
    await refuseUnlessFree(path);
    await removeLeftNests(path);
    return await publish(server, path, group);
  } finally {
    unlock();
  }
}

async function makeDirectory(directory: string, group: number | undefined): Promise<void> {
  const doing = `make the socket directory ${directory}`;
  try {
    const missing: string[] = [];
    for (let step = directory; (await lstatOrUndefined(step)) === undefined; step = dirname(step)) missing.unshift(step);
    for (const step of missing) {
      // one by one: with `recursive` Node never comes back from /proc/x
      const isOurs = await mkdir(step, { mode: 0o700 }).then(() => true, ignoreExisting);
      if (isOurs && group !== undefined) await giveToGroup(step, group, 0o750);
    }
  } catch (error) {
    if (nodeCodeOf(error) === "ENOENT") throw badAddress(`${doing}: its file system takes none: choose another place`, { cause: error });
    throw translateNodeError(error, doing);
  }
}

/** What is there is looked at next: somebody may have been faster. */
function ignoreExisting(error: unknown): false {
  if (nodeCodeOf(error) !== "EEXIST") throw error;
  return false;
}

async function giveToGroup(path: string, group: number, mode: number): Promise<void> {
  try {
    await chown(path, -1, group); // the owner stays
  } catch (error) {
    throw translateNodeError(error, `give ${path} to the group ${group}, of which this process must be a member`);
  }
  await chmod(path, mode);
}

async function checkDirectory(directory: string): Promise<void> {
  const stats = await lstat(directory);
  if (!stats.isDirectory()) throw badAddress(`the socket directory ${directory} is a link or a file: give the directory itself`);
  const uid = process.getuid?.();
  if (uid === undefined) return;
  if (stats.uid !== uid && stats.uid !== 0) {
    throw badAddress(`the socket directory ${directory} belongs to uid ${stats.uid}, this process runs as ${uid}: choose a directory of your own`);
  }
  // a sticky directory such as /tmp lets nobody rename or remove what is ours
  const isSticky = (stats.mode & 0o1000) !== 0;
  if ((stats.mode & 0o022) !== 0 && !isSticky) {
    throw badAddress(`others may write to the socket directory ${directory} (mode ${(stats.mode & 0o7777).toString(8)}): make it private with chmod 700`);
  }
}

async function refuseUnlessFree(path: string): Promise<void> {
  const stats = await lstatOrUndefined(path);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw badAddress(`${path} is not a socket and is left alone: remove it or choose another path`);
  try {
    (await connectUnix(path)).destroy();
  } catch (error) {
    const code = nodeCodeOf(error);
    if (code === "ECONNREFUSED" || code === "ENOENT") return; // a dead process left it
    if (code !== "EAGAIN") throw translateNodeError(error, `look who listens at ${path}`);
  }
  throw badAddress(`a live process listens at ${path}: stop it or choose another path or name`);
}

/** How the private directories begin in which the socket of this path is made, and none of another path. */
function nestPrefix(path: string): string {
  return `.a${nodeCrypto().createHash("sha256").update(basename(path)).digest("base64url").slice(0, 8)}-`;
}

/** Removes what a process that was killed while it published a socket at this path has left. The lock must be held. */
async function removeLeftNests(path: string): Promise<void> {
  if (process.platform !== "linux") return; // without the lock it could be another's that is at work
  const directory = dirname(path);
  const prefix = nestPrefix(path);
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix)) continue;
    const nest = join(directory, name);
    const stats = await lstatOrUndefined(nest);
    if (stats?.isDirectory() !== true || stats.uid !== process.getuid?.() || (stats.mode & 0o777) !== 0o700) continue;
    try {
      await unlink(join(nest, "s")).catch(ignoreMissing);
      await rmdir(nest);
    } catch {
      // what holds anything else is not ours after all, and hurts nobody
    }
  }
}

async function publish(server: Server, path: string, group: number | undefined): Promise<SocketFile> {
  const directory = dirname(path);
  const nest = await mkdtemp(join(directory, nestPrefix(path)));
  let handle: FileHandle | undefined;
  try {
    let bound = join(nest, "s");
    if (Buffer.byteLength(bound) > maxSocketPathBytes) {
      // the nest's name makes the path too long; the kernel knows it by a shorter one
      handle = await open(nest, "r");
      bound = `/proc/self/fd/${handle.fd}/s`;
    }
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ path: bound, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    const inNest = join(nest, "s");
    if (group === undefined) await chmod(inNest, 0o600);
    else await giveToGroup(inNest, group, 0o660);
    const { dev, ino } = await lstat(inNest);
    await rename(inNest, path);
    const keptHandle = handle;
    handle = undefined;
    const state: SocketFile["state"] = async () => {
      const now = await lstatOrUndefined(path);
      if (now === undefined) return "removed";
      return now.dev === dev && now.ino === ino ? "ours" : "replaced";
    };
    return {
      state,
      async remove() {
        await keptHandle?.close();
        if ((await state()) === "ours") await unlink(path).catch(ignoreMissing);
      },
    };
  } catch (error) {
    server.close();
    throw translateNodeError(error, `listen at ${path}`);
  } finally {
    await handle?.close();
    await rm(nest, { recursive: true, force: true });
  }
}

/**
 * Keeps two starters apart while they look and publish. On Linux the lock is an abstract socket, which the kernel releases
 * when its process dies. Elsewhere there is none, and two starters within the same millisecond are kept apart by nothing.
 */
async function lock(path: string): Promise<() => void> {
  if (process.platform !== "linux") return () => undefined;
  const { dev, ino } = await lstat(dirname(path));
  const digest = nodeCrypto().createHash("sha256").update(`${dev}:${ino}:${process.getuid?.() ?? 0}:${basename(path)}`).digest("hex");
  const name = `\0acomm-${digest.slice(0, 48)}`;
  const until = performance.now() + lockWaitMs;
  for (;;) {
    const server = createServer((stranger) => { stranger.destroy(); });
    const isOurs = await new Promise<boolean>((resolve, reject) => {
      server.once("error", (error) => {
        if (nodeCodeOf(error) === "EADDRINUSE") resolve(false);
        else reject(translateNodeError(error, `lock ${path}`));
      });
      server.listen({ path: name }, () => { resolve(true); });
    });
    if (isOurs) return () => { server.close(); };
    if (performance.now() > until) throw badAddress(`another process has been starting at ${path} for ${lockWaitMs} ms: stop it or choose another path`);
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 5));
  }
}

async function lstatOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

function ignoreMissing(error: unknown): void {
  if (nodeCodeOf(error) !== "ENOENT") throw error;
}
