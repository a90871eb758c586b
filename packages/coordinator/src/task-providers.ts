import { CallStatistics } from "./call-statistics.ts";
import { firstPauseMs, maxPauseMs } from "./found-provider.ts";
import type { FoundProvider } from "./found-provider.ts";

/** Finds out whether a provider can be asked; `isSilent` says that to listen is not enough, it must acknowledge. Never rejects. */
export type ProviderCheck = (provider: FoundProvider) => Promise<boolean>;

/**
 * The providers of one task, and the choice among them: the lowest priority first, of these the one with the fewest calls in
 * flight, of these one on this machine, and of equals each in turn.
 */
export class TaskProviders {
  readonly task: string;
  readonly statistics: CallStatistics = new CallStatistics();
  /** How many calls of the task are under way. */
  inFlight = 0;
  readonly #check: ProviderCheck;
  /** By the names of their socket files, or what names them on a network. */
  readonly #byKey = new Map<string, FoundProvider>();
  /** Those that may be asked, the lowest priority first. */
  #ready: FoundProvider[] = [];
  /** Those that don't acknowledge, in the same order. */
  #silent: FoundProvider[] = [];
  #turn = 0;
  readonly #waiting = new Set<() => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(task: string, check: ProviderCheck) {
    this.task = task;
    this.#check = check;
  }

  /** All that are there, the lowest priority first. */
  all(): FoundProvider[] {
    return [...this.#byKey.values()].sort((a, b) => a.priority - b.priority || (a.provider < b.provider ? -1 : 1));
  }

  /** The provider to ask next; undefined where none is ready but those that were tried. */
  choose(tried?: ReadonlySet<FoundProvider>): FoundProvider | undefined {
    return this.#chooseFrom(this.#ready, tried) ?? (this.#silent.length === 0 ? undefined : this.#chooseFrom(this.#silent, tried));
  }

  /** The provider of a socket file's name, or of what names it on a network. */
  at(key: string): FoundProvider | undefined {
    return this.#byKey.get(key);
  }

  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  /** Takes a new provider, in place of one that had the same key; resolves when it is known whether it can be asked. */
  add(key: string, provider: FoundProvider): Promise<void> {
    this.remove(key);
    this.#byKey.set(key, provider);
    return this.#look(provider);
  }

  /** It is there no more. What is in flight with it goes on. */
  remove(key: string): void {
    const provider = this.#byKey.get(key);
    if (provider === undefined) return;
    this.#byKey.delete(key);
    provider.state = "gone";
    this.#arrange();
  }

  /** Leaves a provider that failed alone for a while, longer each time until a call succeeds. */
  setAside(provider: FoundProvider, isSilent: boolean): void {
    if (provider.state !== "ready") return; // many calls fail at once when one dies
    provider.state = "aside";
    provider.isSilent = isSilent;
    this.#arrange();
    this.#lookLater(provider);
  }

  /** A call was answered: what was before counts no more. */
  succeeded(provider: FoundProvider): void {
    provider.pauseMs = firstPauseMs;
  }

  /** Waits until a provider is ready, no longer than `waitMs` and until the signal aborts; says whether one is. */
  untilReady(waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#ready.length > 0) return Promise.resolve(true);
    if (waitMs <= 0 || signal.aborted || this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", settle);
        this.#waiting.delete(settle);
        resolve(this.#ready.length > 0);
      };
      const timer = setTimeout(settle, waitMs);
      signal.addEventListener("abort", settle);
      this.#waiting.add(settle);
    });
  }

  /** Looks at nobody any more, and lets nobody wait. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#wake();
  }

  #chooseFrom(providers: readonly FoundProvider[], tried: ReadonlySet<FoundProvider> | undefined): FoundProvider | undefined {
    const only = providers[0];
    if (providers.length <= 1) return only === undefined || tried?.has(only) === true ? undefined : only;
    let best: FoundProvider | undefined;
    this.#turn = (this.#turn + 1) % providers.length;
    // begins elsewhere each time, so that the first of equals is another one
    for (let step = 0; step < providers.length; step += 1) {
      const provider = providers[(this.#turn + step) % providers.length];
      if (provider === undefined || tried?.has(provider) === true) continue;
      if (best === undefined || isBetter(provider, best)) best = provider;
    }
    return best;
  }

  async #look(provider: FoundProvider): Promise<void> {
    const isThere = await this.#check(provider);
    if (provider.state === "gone" || this.#isClosed) return;
    if (!isThere) {
      provider.state = "aside";
      this.#lookLater(provider);
      return;
    }
    provider.state = "ready";
    provider.isSilent = false;
    this.#arrange();
    this.#wake();
  }

  #lookLater(provider: FoundProvider): void {
    if (this.#isClosed) return;
    const { pauseMs } = provider;
    provider.pauseMs = Math.min(pauseMs * 2, maxPauseMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (provider.state === "aside") void this.#look(provider);
    }, pauseMs * (0.75 + Math.random() / 2));
    this.#timers.add(timer.unref());
  }

  #arrange(): void {
    const all = this.all();
    this.#ready = all.filter(({ state }) => state === "ready");
    this.#silent = all.filter(({ state, isSilent }) => state === "aside" && isSilent);
  }

  #wake(): void {
    for (const settle of [...this.#waiting]) settle();
  }
}

function isBetter(provider: FoundProvider, other: FoundProvider): boolean {
  if (provider.priority !== other.priority) return provider.priority < other.priority;
  if (provider.inFlight !== other.inFlight) return provider.inFlight < other.inFlight;
  return !provider.isElsewhere && other.isElsewhere;
}
