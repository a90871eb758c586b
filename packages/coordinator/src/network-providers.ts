import { AcommError } from "@acomm/protocol";
import { checkPriority, checkServiceName } from "@acomm/tracker";
import { checkTimeoutMs, report } from "@acomm/transport";
import type { ErrorHook, FoundEndpoint, FoundService, ServiceNetwork } from "@acomm/transport";
import { hostname } from "node:os";
import { FoundProvider } from "./found-provider.ts";
import type { TaskProviders } from "./task-providers.ts";

/** What {@link NetworkProviders} work with. */
export interface NetworkProvidersInit {
  readonly network: ServiceNetwork;
  /** Those that are in this directory as well are called there. */
  readonly socketDir: string;
  readonly providersOf: (task: string) => TaskProviders;
  /** How often to look, whatever the network tells, in milliseconds. @default 5000 */
  readonly rescanMs?: number | undefined;
  readonly onError: ErrorHook | undefined;
}

/** How many looks one may miss before it counts as gone: it may just have been busy. */
const maxMissed = 2;
/** How soon to look again where somebody has not answered, or is told to have changed meanwhile, in milliseconds. */
const soonMs = 300;
/** How many providers are known at most, of all tasks together. */
const maxProviders = 10_000;
const defaultPriority = 50;

/** The providers on a network: they become known to their tasks beside those of the socket directory. */
export class NetworkProviders {
  readonly #init: NetworkProvidersInit;
  readonly #rescanMs: number;
  readonly #known = new Map<string, { readonly task: TaskProviders; missed: number }>();
  readonly #closing = new AbortController();
  #watch: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isDirty = false;
  /** Whether somebody has heard already why there is no looking. */
  #hasReported = false;

  /** @throws `bad_field` */
  constructor(init: NetworkProvidersInit) {
    this.#init = init;
    this.#rescanMs = checkTimeoutMs(init.rescanMs ?? 5000, "rescanMs");
  }

  /** Begins to watch; resolves when those are known that are there, or when it is reported why they can't be. */
  async start(): Promise<void> {
    this.#watch = this.#init.network.watch(() => { this.#changed(); });
    await this.#look();
  }

  close(): void {
    this.#closing.abort(new AcommError("stopping", "the coordinator has stopped", { retryable: false }));
    clearTimeout(this.#timer);
    this.#watch?.[Symbol.dispose]();
  }

  #changed(): void {
    if (this.#looking === undefined) void this.#look();
    else this.#isDirty = true; // whoever came may have missed the question
  }

  #look(): Promise<void> {
    clearTimeout(this.#timer);
    this.#looking ??= this.#discover().finally(() => {
      this.#looking = undefined;
      if (this.#closing.signal.aborted) return;
      const isSoon = this.#isDirty || [...this.#known.values()].some(({ missed }) => missed > 0);
      this.#isDirty = false;
      this.#timer = setTimeout(() => { void this.#look(); }, isSoon ? Math.min(soonMs, this.#rescanMs) : this.#rescanMs).unref();
    });
    return this.#looking;
  }

  async #discover(): Promise<void> {
    const { signal } = this.#closing;
    let found: readonly FoundService[];
    try {
      found = await this.#init.network.discover({ signal });
    } catch (error) {
      // those that are known stay, to be asked where there is nobody else: a call may wait for the network as long as it has time
      for (const [key, { task }] of this.#known) {
        const provider = task.at(key);
        if (provider !== undefined && !signal.aborted) task.setAside(provider, true);
      }
      if (!signal.aborted && !this.#hasReported) report(this.#init.onError, new AcommError("unavailable", "the providers on the network can't be looked for, those of the directory go on", { cause: error }));
      this.#hasReported = true;
      return;
    }
    this.#hasReported = false;
    const there = new Set<string>();
    const checks: Promise<void>[] = [];
    for (const service of found) {
      if (service.metadata["host"] === hostname() && service.metadata["socketDir"] === this.#init.socketDir) continue;
      for (const endpoint of service.endpoints) {
        const key = `network:${service.id}:${endpoint.name}`;
        there.add(key);
        if (!this.#known.has(key) && this.#known.size < maxProviders) checks.push(this.#add(key, service, endpoint));
      }
    }
    for (const [key, known] of this.#known) {
      known.missed = there.has(key) ? 0 : known.missed + 1;
      if (known.missed < maxMissed) continue;
      this.#known.delete(key);
      known.task.remove(key);
    }
    await Promise.all(checks);
  }

  async #add(key: string, { name, id, metadata }: FoundService, endpoint: FoundEndpoint): Promise<void> {
    let task: TaskProviders;
    let provider: FoundProvider;
    try {
      task = this.#init.providersOf(endpoint.name);
      const { priority = String(defaultPriority), idempotent } = endpoint.metadata;
      const elsewhere = { host: metadata["host"] ?? "", isIdempotent: idempotent === "true" };
      provider = new FoundProvider({ provider: checkServiceName(name), priority: checkPriority(Number(priority)) }, endpoint.url.href, id, elsewhere);
    } catch {
      return; // anybody may be on the network: what can't be a provider is none
    }
    this.#known.set(key, { task, missed: 0 });
    await task.add(key, provider);
  }
}
