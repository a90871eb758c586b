import { checkSocketDirectory, checkTaskName } from "@acomm/tracker";
import { checkTimeoutMs } from "@acomm/transport";
import type { Stats } from "node:fs";
import { lstatSync } from "node:fs";
import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryWatch } from "./directory-watch.ts";
import type { WatchDirectory } from "./directory-watch.ts";
import { limited } from "./limited.ts";
import { TaskDirectory } from "./task-directory.ts";
import { TaskProviders } from "./task-providers.ts";
import type { ProviderCheck } from "./task-providers.ts";

/** What a {@link ProviderDirectory} works with. */
export interface ProviderDirectoryInit {
  readonly socketDir: string;
  readonly check: ProviderCheck;
  /** Whether a socket is one that must not be asked, such as the coordinator's own. @default none is */
  readonly isForbidden?: ((stats: Stats) => boolean) | undefined;
  /** How often to look at everything, whatever the watches say, in milliseconds. @default 5000, and ten times as often where a watch is missing */
  readonly rescanMs?: number | undefined;
  /** @default `watch` of `node:fs` */
  readonly watch?: WatchDirectory | undefined;
}

/** How many providers are looked at together. */
const checksAtOnce = 64;
/** How many tasks are remembered; beyond them those without a directory are forgotten. */
const maxTasks = 10_000;

/**
 * The tasks of a socket directory and their providers: `<socketDir>/<task>/<priority>-<provider>.sock`. It watches the
 * directories, and looks at all of them now and then in case a watch has missed something. What is no socket of a provider is
 * passed over, links too.
 */
export class ProviderDirectory {
  readonly #init: ProviderDirectoryInit;
  readonly #socketDir: string;
  readonly #rescanMs: number;
  readonly #check: ProviderCheck;
  readonly #tasks = new Map<string, TaskDirectory>();
  #watch: DirectoryWatch | undefined;
  #watched = "";
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isDirty = false;
  #isClosed = false;

  /** @throws `bad_address`, `bad_field` */
  constructor(init: ProviderDirectoryInit) {
    this.#init = init;
    this.#socketDir = checkSocketDirectory(init.socketDir);
    this.#rescanMs = checkTimeoutMs(init.rescanMs ?? 5000, "rescanMs");
    const limit = limited(checksAtOnce);
    this.#check = (provider) => limit(() => (provider.state === "gone" || this.#isClosed ? Promise.resolve(false) : init.check(provider)));
  }

  /** Begins to watch; resolves when it is known which providers can be asked. The directory is made where it is missing. */
  async start(): Promise<void> {
    await mkdir(this.#socketDir, { recursive: true, mode: 0o700 }).catch(() => undefined); // whoever listens in it finds out what is wrong
    await this.#look();
    await Promise.all([...this.#tasks.values()].map((directory) => directory.look()));
    this.#lookLater();
  }

  /**
   * A task that has or had a provider, or a directory where one may come. One whose directory is so new that no watch has told
   * of it is known too.
   */
  find(task: string): TaskProviders | undefined {
    const known = this.#tasks.get(task)?.providers;
    if (known !== undefined || this.#isClosed || !isTaskName(task) || !this.#isDirectory(task)) return known;
    this.#changed();
    return this.#add(task).providers;
  }

  /** The providers of a task, known or not, for those who are found elsewhere. @throws `bad_field`, `unknown_task` for what can't be a task */
  providersOf(task: string): TaskProviders {
    return this.#tasks.get(task)?.providers ?? this.#add(checkTaskName(task)).providers;
  }

  /** The tasks that are known, by name. */
  tasks(): TaskProviders[] {
    return [...this.#tasks.values()].map(({ providers }) => providers).sort((a, b) => (a.task < b.task ? -1 : 1));
  }

  names(): IterableIterator<string> {
    return this.#tasks.keys();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watch?.close();
    for (const directory of this.#tasks.values()) directory.close();
  }

  #changed(): void {
    if (this.#isClosed) return;
    this.#isDirty = true;
    void this.#look();
  }

  /** One look at a time, and one more where something has changed meanwhile. */
  #look(): Promise<void> {
    this.#isDirty = true;
    this.#looking ??= this.#lookWhileDirty().finally(() => { this.#looking = undefined; });
    return this.#looking;
  }

  async #lookWhileDirty(): Promise<void> {
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      await this.#watchOrRenew();
      const entries = await readdir(this.#socketDir, { withFileTypes: true }).catch(() => []);
      if (this.#closed()) return;
      const there = new Set(entries.filter((entry) => entry.isDirectory() && isTaskName(entry.name)).map(({ name }) => name));
      for (const task of there) if (!this.#tasks.has(task)) this.#add(task);
      for (const [task, directory] of this.#tasks) if (!there.has(task)) void directory.look();
      this.#forgetSome(there);
    }
  }

  async #watchOrRenew(): Promise<void> {
    const stats = await lstat(this.#socketDir).catch(() => undefined);
    const identity = stats === undefined ? "" : `${stats.dev}:${stats.ino}`;
    if (this.#closed() || (identity === this.#watched && this.#watch?.isOver === false)) return;
    this.#watch?.close();
    this.#watched = identity;
    this.#watch = identity === "" ? undefined : new DirectoryWatch(this.#socketDir, (name) => { this.#nameChanged(name); }, this.#init.watch);
  }

  /** A task's own directory tells what happens in it; here it matters that there is another one. */
  #nameChanged(name: string | null): void {
    if (name !== null && !isTaskName(name)) return;
    if (name !== null) void this.#tasks.get(name)?.look();
    this.#changed();
  }

  #add(task: string): TaskDirectory {
    const { isForbidden = () => false, watch } = this.#init;
    const directory = new TaskDirectory({ path: join(this.#socketDir, task), providers: new TaskProviders(task, this.#check), isForbidden, watch });
    this.#tasks.set(task, directory);
    void directory.look();
    return directory;
  }

  #forgetSome(there: ReadonlySet<string>): void {
    if (this.#tasks.size <= maxTasks) return;
    for (const [task, directory] of this.#tasks) {
      if (this.#tasks.size <= maxTasks) return;
      if (there.has(task) || directory.providers.inFlight > 0 || directory.providers.keys().length > 0) continue;
      directory.close();
      this.#tasks.delete(task);
    }
  }

  #lookLater(): void {
    const isWatched = this.#watch?.isOver === false && [...this.#tasks.values()].every((directory) => directory.isWatched);
    this.#timer = setTimeout(() => {
      void Promise.all([this.#look(), ...[...this.#tasks.values()].map((directory) => directory.look())]).then(() => {
        if (!this.#isClosed) this.#lookLater();
      });
    }, isWatched ? this.#rescanMs : Math.ceil(this.#rescanMs / 10)).unref();
  }

  #isDirectory(task: string): boolean {
    try {
      return lstatSync(join(this.#socketDir, task), { throwIfNoEntry: false })?.isDirectory() === true;
    } catch {
      return false; // not even to be looked at
    }
  }

  #closed(): boolean {
    return this.#isClosed;
  }
}

function isTaskName(name: string): boolean {
  try {
    checkTaskName(name);
    return true;
  } catch {
    return false; // a directory of the layout itself, or something else altogether
  }
}
