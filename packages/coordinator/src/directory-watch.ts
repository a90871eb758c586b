import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";

/** What watches a directory; `watch` of `node:fs` is one. */
export type WatchDirectory = (path: string, options: { readonly persistent: boolean }, onChange: (event: string, fileName: string | null) => void) => FSWatcher;

/**
 * Tells which names of a directory have come, gone or changed, as far as the system tells; null where it doesn't say which. A
 * watch that fails, for want of watches or because the directory is gone, is over, and `isOver` says so: whoever needs more looks again.
 */
export class DirectoryWatch {
  #watcher: FSWatcher | undefined;

  constructor(path: string, onChange: (fileName: string | null) => void, watchDirectory: WatchDirectory = watch) {
    try {
      this.#watcher = watchDirectory(path, { persistent: false }, (_event, fileName) => { onChange(fileName); });
      this.#watcher.on("error", () => {
        this.close();
        onChange(null);
      });
    } catch {
      // ENOSPC where there are no watches left, EMFILE, ENOENT: the next look makes another one
    }
  }

  get isOver(): boolean {
    return this.#watcher === undefined;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
