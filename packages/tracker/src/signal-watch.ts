/** Something that a signal gives up. */
export interface Watcher {
  /** Where its {@link SignalWatch} keeps it. */
  watchIndex: number;
  signalAborted(signal: AbortSignal): void;
}

/** Calls with the same signal mostly follow one another. */
let last: SignalWatch | undefined;

/**
 * All that one signal gives up, by one listener: to add or take another one, an `EventTarget` looks through all that it has, which of a
 * thousand calls with one signal took more than half of the time.
 */
export class SignalWatch {
  readonly signal: AbortSignal;
  readonly #watchers: Watcher[] = [];
  readonly #onAbort = (): void => {
    for (const watcher of [...this.#watchers]) watcher.signalAborted(this.signal);
  };

  private constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Watches a signal for somebody, until that is taken out. */
  static add(signal: AbortSignal, watcher: Watcher): SignalWatch {
    if (last?.signal !== signal) last = new SignalWatch(signal);
    const watchers = last.#watchers;
    if (watchers.length === 0) signal.addEventListener("abort", last.#onAbort);
    watcher.watchIndex = watchers.push(watcher) - 1;
    return last;
  }

  /** Takes out one that is in. */
  delete(watcher: Watcher): void {
    const watchers = this.#watchers;
    const moved = watchers.pop();
    if (moved !== undefined && moved !== watcher) {
      watchers[watcher.watchIndex] = moved;
      moved.watchIndex = watcher.watchIndex;
    }
    if (watchers.length === 0) this.signal.removeEventListener("abort", this.#onAbort);
  }
}
