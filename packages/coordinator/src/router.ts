import { AcommError, asksOf, encodeRequest, decodeErrorText, nearNames, parseUrl } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import type { Tracker } from "@acomm/tracker";
import { checkTaskName } from "@acomm/tracker";
import type { CallParent, TransportRegistry } from "@acomm/transport";
import type { Crossing } from "./crossing.ts";
import { failureResponse } from "./failure-response.ts";
import type { FoundProvider } from "./found-provider.ts";
import type { ProviderDirectory } from "./provider-directory.ts";
import type { TaskProviders } from "./task-providers.ts";

/** What a {@link Router} works with. */
export interface RouterInit {
  readonly directory: ProviderDirectory;
  readonly tracker: () => Tracker;
  readonly registry: TransportRegistry;
  /** Takes streams to the network of the providers that are elsewhere, and back; undefined where there is none. */
  readonly crossing: Crossing | undefined;
  /** How long a call may take that doesn't say, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** How long a call waits where its task has no provider just now, in milliseconds. */
  readonly waitForProviderMs: number;
  /** Looks whether a provider acknowledges, and sets it aside where it doesn't. */
  readonly suspect: (task: TaskProviders, provider: FoundProvider) => void;
}

/** The task that every provider and coordinator answers with what it is. */
export const describeTask = "acomm.describe";
/** How much earlier than its time a call must have failed for it to be the acknowledgement that did not come, in milliseconds. */
const earlyMs = 10;
/** How long a provider may take to say whether its task may run twice, in milliseconds. */
const describeTimeoutMs = 1000;

/** Sends requests on to the providers of their tasks, one after the other as long as a request surely did not run. */
export class Router {
  readonly #init: RouterInit;

  constructor(init: RouterInit) {
    this.#init = init;
  }

  /** The providers of a task that may be called. @throws `bad_field`, `unknown_task` with names that may have been meant */
  find(task: string): TaskProviders {
    const { directory } = this.#init;
    const found = directory.find(task);
    if (found !== undefined) return found;
    checkTaskName(task);
    const near = nearNames(task, directory.names());
    throw new AcommError("unknown_task", `no provider has ever served ${task} here${near.length === 0 ? "" : `: did you mean ${near.join(" or ")}?`}`);
  }

  /** Sends a request on and gives the response, its result unread, or one that says why there is none. Never rejects. */
  forward(task: TaskProviders, request: Request, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response> {
    return this.#route(task, request, parent, (provider) => this.#forwardTo(provider, request, parent, onProgress));
  }

  /**
   * Hands a request over to a provider that answers its hook by itself. Gives a response where somebody else must answer: the
   * provider is elsewhere and can't, or none takes the request. Never rejects.
   */
  handOver(task: TaskProviders, request: Request, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response | undefined> {
    const { registry, defaultTimeoutMs } = this.#init;
    const asks = asksOf(request);
    return this.#route<Response | undefined>(task, request, parent, async (provider) => {
      if (provider.isElsewhere) return this.#forwardTo(provider, request, parent, onProgress);
      const { url } = provider;
      const target = parseUrl(url);
      const leftMs = Math.max((parent.deadline ?? Infinity) - performance.now(), 1);
      const text = encodeRequest(request, { ...asks, ...(asks.timeoutMs === undefined ? undefined : { timeoutMs: leftMs }), ...(asks.hops === undefined ? undefined : { hops: asks.hops + 1 }) });
      const ack = await registry.lookup(target).send(target, text, { timeoutMs: Math.min(leftMs, defaultTimeoutMs), signal: parent.signal });
      if (ack.error !== "") throw decodeErrorText(ack.error);
      return undefined;
    });
  }

  #forwardTo(provider: FoundProvider, request: Request, parent: CallParent, onProgress: ((value: unknown) => void) | undefined): Promise<Response> {
    const hops = request.ext?.["hops"] === undefined ? undefined : (asksOf(request).hops ?? 0) + 1;
    const forward = (sent: Request): Promise<Response> => this.#init.tracker().forward(provider.url, sent, { parent, onProgress, hops });
    const { crossing } = this.#init;
    return provider.isElsewhere && crossing !== undefined ? crossing.over(request, forward) : forward(request);
  }

  async #route<Outcome extends Response | undefined>(task: TaskProviders, request: Request, parent: CallParent, ask: (provider: FoundProvider) => Promise<Outcome>): Promise<Outcome | Response> {
    const startedAt = performance.now();
    let tried: Set<FoundProvider> | undefined;
    let last: AcommError | undefined;
    let isDone = false;
    task.inFlight += 1;
    try {
      for (;;) {
        const provider = task.choose(tried);
        if (provider === undefined) {
          await this.#waitForAnother(task, startedAt, parent, last);
          tried = undefined;
          continue;
        }
        const askedAt = last === undefined ? startedAt : performance.now();
        provider.inFlight += 1;
        try {
          const outcome = await ask(provider);
          provider.inFlight -= 1;
          isDone = outcome === undefined || outcome.error === "";
          task.succeeded(provider);
          if (isDone) provider.done += 1;
          else provider.failed += 1;
          return outcome;
        } catch (error) {
          provider.inFlight -= 1;
          provider.failed += 1;
          last = error as AcommError;
          (tried ??= new Set()).add(provider);
          if (!(await this.#mayAskAnother(task, provider, last, askedAt, parent, tried))) throw error;
        }
      }
    } catch (error) {
      return failureResponse(request, error as AcommError);
    } finally {
      task.inFlight -= 1;
      task.statistics.add(startedAt, performance.now(), isDone);
    }
  }

  /** What a failure says of the provider, and whether the request surely did not run or may run twice. */
  async #mayAskAnother(task: TaskProviders, provider: FoundProvider, { code }: AcommError, askedAt: number, parent: CallParent, tried: ReadonlySet<FoundProvider>): Promise<boolean> {
    if (parent.signal.aborted) {
      if (code === "timeout") this.#init.suspect(task, provider);
      return false; // it failed for that
    }
    switch (code) {
      case "overloaded":
      case "unknown_task":
        return true;
      case "unavailable":
      case "stopping":
      case "bad_address":
        task.setAside(provider, false);
        return true;
      case "ambiguous":
        task.setAside(provider, false);
        return this.#mayRunTwice(task, tried, parent);
      case "timeout":
        if (performance.now() > askedAt + this.#timeoutMs(parent, askedAt) - earlyMs) {
          this.#init.suspect(task, provider);
          return false;
        }
        task.setAside(provider, true); // it takes connections and doesn't acknowledge: a stopped process is like that
        return this.#mayRunTwice(task, tried, parent);
      default:
        return false;
    }
  }

  #timeoutMs(parent: CallParent, now: number): number {
    return Math.min(this.#init.defaultTimeoutMs, (parent.deadline ?? Infinity) - now);
  }

  /** Waits until there is a provider again. @throws where there is none in time */
  async #waitForAnother(task: TaskProviders, startedAt: number, parent: CallParent, last: AcommError | undefined): Promise<void> {
    if (last?.code === "overloaded" || last?.code === "unknown_task") throw last; // they are there
    const { waitForProviderMs } = this.#init;
    const leftMs = Math.min(startedAt + waitForProviderMs, parent.deadline ?? Infinity) - performance.now();
    if (leftMs > 0 && (await task.untilReady(leftMs, parent.signal))) return;
    const reason: unknown = parent.signal.aborted ? parent.signal.reason : undefined;
    if (reason instanceof AcommError) throw new AcommError(reason.code, `the request waited for a provider of ${task.task}: ${reason.message}`, { retryable: reason.code !== "cancelled" });
    if (startedAt + waitForProviderMs >= (parent.deadline ?? Infinity)) throw new AcommError("timeout", `no provider of ${task.task} was there within the request's time`, { cause: last, retryable: true });
    throw new AcommError("unavailable", `no provider of ${task.task} was there for ${waitForProviderMs} ms: start one, or send it again later`, { cause: last });
  }

  /** Whether the provider that would be asked next says that its task may run twice. */
  async #mayRunTwice(task: TaskProviders, tried: ReadonlySet<FoundProvider>, parent: CallParent): Promise<boolean> {
    const next = task.choose(tried);
    if (next === undefined) return false;
    next.isIdempotent ??= this.#ask(task.task, next, parent);
    return next.isIdempotent;
  }

  async #ask(task: string, provider: FoundProvider, parent: CallParent): Promise<boolean> {
    try {
      return declaresIdempotent(await this.#init.tracker().request(provider.url, { task: describeTask, timeoutMs: describeTimeoutMs, parent }), task);
    } catch {
      provider.isIdempotent = undefined; // the next one asks again
      return false; // what is not declared may not run twice
    }
  }
}

function declaresIdempotent(description: unknown, task: string): boolean {
  const { tasks } = (description ?? {}) as { readonly tasks?: unknown };
  return Array.isArray(tasks) && tasks.some((entry: unknown) => {
    const described = entry as { readonly task?: unknown; readonly idempotent?: unknown } | null;
    return described?.task === task && described.idempotent === true;
  });
}
