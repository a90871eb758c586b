import { checkServiceName, checkTaskName, parseProviderSocket } from "@acomm/tracker";
import type { ProviderSocket } from "@acomm/tracker";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** The sockets that a directory holds, whether anybody listens or not. */
export interface DirectoryListing {
  readonly coordinators: readonly { readonly name: string; readonly path: string }[];
  /** In the order of tasks, priorities and names. */
  readonly providers: readonly (ProviderSocket & { readonly path: string })[];
}

/** Reads a socket directory by its layout; what does not belong there is passed over. @throws Node's error where the directory can't be read */
export async function readSocketDirectory(directory: string): Promise<DirectoryListing> {
  const entries = await readdir(directory, { withFileTypes: true });
  const tasks = entries.filter((entry) => entry.isDirectory() && isTask(entry.name)).map(({ name }) => name);
  const providers = await Promise.all(tasks.sort().map(async (task) => {
    const found = (await socketsIn(join(directory, task))).flatMap((file) => {
      const socket = parseProviderSocket(task, file);
      return socket === undefined ? [] : [{ ...socket, path: join(directory, task, file) }];
    });
    return found.sort((one, other) => one.priority - other.priority || (one.path < other.path ? -1 : 1));
  }));
  const coordinators = (await socketsIn(join(directory, "coordinator"))).filter((file) => file.endsWith(".sock") && isServiceName(file.slice(0, -5)));
  return { coordinators: coordinators.sort().map((file) => ({ name: file.slice(0, -5), path: join(directory, "coordinator", file) })), providers: providers.flat() };
}

/** The names of the sockets in a directory; none where it can't be read. */
async function socketsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  // a directory entry of Deno's doesn't say that it is a socket
  const stats = await Promise.all(names.map((name) => lstat(join(directory, name)).catch(() => undefined)));
  return names.filter((_, index) => stats[index]?.isSocket() === true);
}

function isTask(name: string): boolean {
  return passes(() => checkTaskName(name));
}

function isServiceName(name: string): boolean {
  return passes(() => checkServiceName(name));
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false; // which is the answer
  }
}
