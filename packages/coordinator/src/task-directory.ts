import { AcommError, parseUrl } from "@acomm/protocol";
import { parseProviderSocket } from "@acomm/tracker";
import type { Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryWatch } from "./directory-watch.ts";
import type { WatchDirectory } from "./directory-watch.ts";
import { FoundProvider } from "./found-provider.ts";
import type { TaskProviders } from "./task-providers.ts";

/** What a {@link TaskDirectory} works with. */
export interface TaskDirectoryInit {
  readonly path: string;
  readonly providers: TaskProviders;
  /** Whether a socket is one that must not be asked, such as the coordinator's own. */
  readonly isForbidden: (stats: Stats) => boolean;
  readonly watch?: WatchDirectory | undefined;
}

/** How many files are looked at together. */
const together = 32;

/** The directory of one task: what comes and goes in it becomes known to the task's {@link TaskProviders}. */
export class TaskDirectory {
  readonly providers: TaskProviders;
  readonly #init: TaskDirectoryInit;
  #watch: DirectoryWatch | undefined;
  /** Which directory is watched: another one may take its name. */
  #watched = "";
  /** The names to be looked at, and whether to look at all. */
  #dirty = new Set<string>();
  #isAllDirty = false;
  #looking: Promise<void> | undefined;
  #checks = new Set<Promise<void>>();
  #isClosed = false;

  constructor(init: TaskDirectoryInit) {
    this.#init = init;
    this.providers = init.providers;
  }

  /** Whether changes are told; where not, somebody should look more often. Of one that isn't there the directory above it tells. */
  get isWatched(): boolean {
    return this.#watched === "" || this.#watch?.isOver === false;
  }

  /** Looks at everything; resolves when it is known which providers can be asked. */
  async look(): Promise<void> {
    this.#changed(null);
    await this.#looking;
    await Promise.all(this.#checks);
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.providers.close();
  }

  #changed(fileName: string | null): void {
    if (this.#isClosed) return;
    if (fileName === null) this.#isAllDirty = true;
    else if (parseProviderSocket(this.providers.task, fileName) !== undefined) this.#dirty.add(fileName);
    else return;
    this.#looking ??= this.#lookAtDirty().finally(() => { this.#looking = undefined; });
  }

  async #lookAtDirty(): Promise<void> {
    while ((this.#isAllDirty || this.#dirty.size > 0) && !this.#isClosed) {
      const dirty = this.#dirty;
      this.#dirty = new Set();
      if (this.#isAllDirty) {
        this.#isAllDirty = false;
        for (const name of await this.#list()) dirty.add(name);
      }
      const names = [...dirty];
      for (let at = 0; at < names.length; at += together) await Promise.all(names.slice(at, at + together).map((name) => this.#lookAt(name)));
    }
  }

  /** Every name that is or was there; watches before it lists, so that nothing comes in between. */
  async #list(): Promise<string[]> {
    const { path, watch } = this.#init;
    const { task } = this.providers;
    const stats = await lstat(path).catch(() => undefined);
    const isDirectory = stats?.isDirectory() === true;
    const identity = isDirectory ? `${stats.dev}:${stats.ino}` : "";
    if (identity !== this.#watched || !this.isWatched) {
      this.#watch?.close();
      this.#watched = identity;
      this.#watch = isDirectory ? new DirectoryWatch(path, (fileName) => { this.#changed(fileName); }, watch) : undefined;
    }
    const names = isDirectory ? await readdir(path).catch(() => []) : [];
    return [...this.providers.keys(), ...names].filter((name) => parseProviderSocket(task, name) !== undefined);
  }

  async #lookAt(fileName: string): Promise<void> {
    const { path, isForbidden } = this.#init;
    const { providers } = this;
    const socket = parseProviderSocket(providers.task, fileName);
    const file = join(path, fileName);
    // not where a link leads, and no second name of a socket that is somebody else's
    const stats = await lstat(file).catch(() => undefined);
    if (this.#isClosed) return;
    if (socket === undefined || stats?.isSocket() !== true || stats.nlink !== 1 || isForbidden(stats)) {
      providers.remove(fileName);
      return;
    }
    const identity = `${stats.dev}:${stats.ino}:${stats.ctimeMs}`;
    if (providers.at(fileName)?.identity === identity) return;
    const url = urlOf(file);
    if (url === undefined) return;
    const check = providers.add(fileName, new FoundProvider(socket, url, identity)).finally(() => this.#checks.delete(check));
    this.#checks.add(check);
  }
}

/** Undefined for a path that is too long to connect to. */
function urlOf(path: string): string | undefined {
  try {
    return parseUrl(`unix://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`).href;
  } catch (error) {
    if (error instanceof AcommError) return undefined;
    throw error;
  }
}
