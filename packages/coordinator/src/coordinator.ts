import { AcommError, checkOptionNames, parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request } from "@acomm/protocol";
import { checkServiceName, coordinatorSocketPath, responseSocketPath, streamDirectory, Tracker } from "@acomm/tracker";
import { checkCount, checkGraceMs, checkTimeoutMs, createHttpTransport, createRegistry, createUnixTransport, serve, StreamSigner, UnixListener } from "@acomm/transport";
import type { ErrorHook, HandlerContext, Service, StopOptions, StopReport, TransportRegistry } from "@acomm/transport";
import { lstat } from "node:fs/promises";
import { abortControllerOfMany } from "./abort-controller-of-many.ts";
import { Admission } from "./admission.ts";
import { AdoptedStreams } from "./adopted-streams.ts";
import { coordinatorAdmissionNames, coordinatorHttpOptionNames, coordinatorOptionNames } from "./coordinator-options.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { Crossing } from "./crossing.ts";
import { summaryOf } from "./description.ts";
import type { CoordinatorDescription } from "./description.ts";
import { Forwarder } from "./forwarder.ts";
import { HookAnswer } from "./hook-answer.ts";
import type { HookAnswerInit } from "./hook-answer.ts";
import { NetworkProviders } from "./network-providers.ts";
import { OutsideDoor } from "./outside-door.ts";
import { ProviderChecks } from "./provider-check.ts";
import { ProviderDirectory } from "./provider-directory.ts";
import { describeTask, Router } from "./router.ts";

/** How many coordinators of one name may have answers on their way at once: one that runs, and others that drain. */
const maxResponseSockets = 16;
/** How long to try to answer a hook where nobody listens whose caller was to be answered on a connection that is gone, in milliseconds. */
const hookTimeoutMs = 30_000;

/**
 * The door to the providers of a socket directory, and of a network: finds them, chooses among them, and passes requests on and answers back.
 * Over HTTP it is a guarded door for the outside as well.
 */
export class Coordinator implements AsyncDisposable {
  readonly #name: string;
  readonly #socketDir: string;
  readonly #socketPath: string;
  readonly #maxInFlight: number;
  readonly #defaultTimeoutMs: number;
  readonly #onError: ErrorHook | undefined;
  readonly #registry: TransportRegistry;
  readonly #directory: ProviderDirectory;
  readonly #elsewhere: NetworkProviders | undefined;
  readonly #streams: AdoptedStreams;
  readonly #hooks: HookAnswerInit;
  readonly #router: Router;
  readonly #forwarder: Forwarder;
  readonly #listener: UnixListener;
  readonly #door: OutsideDoor | undefined;
  readonly #startedAt = new Date();
  readonly #startedAtMs = performance.now();
  /** Ends the deliveries that a stop doesn't wait for any longer. */
  readonly #graceOver = abortControllerOfMany();
  #ownSocket: { readonly dev: number; readonly ino: number } | undefined;
  #tracker: Tracker | undefined;
  #service: Service | undefined;
  #isRunning = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  /** A coordinator that finds and serves nothing before its start. @throws `bad_field`, `bad_address` */
  constructor(options: CoordinatorOptions) {
    checkOptionNames(options, "Coordinator", coordinatorOptionNames);
    if (options.http !== undefined) checkOptionNames(options.http, "http of Coordinator", coordinatorHttpOptionNames);
    if (options.admit !== undefined) checkOptionNames(options.admit, "admit of Coordinator", coordinatorAdmissionNames);
    const { socketDir, network, name = "main", http, admit = {}, onError, group, rescanMs, waitForProviderMs = 2000, maxHops = 8, maxInFlight = 10_000 } = options;
    this.#name = checkServiceName(name);
    this.#socketDir = socketDir;
    this.#socketPath = coordinatorSocketPath(socketDir, name);
    this.#onError = onError;
    this.#maxInFlight = checkCount(maxInFlight, "maxInFlight");
    this.#defaultTimeoutMs = checkTimeoutMs(options.defaultTimeoutMs ?? 300_000, "defaultTimeoutMs");
    const ackTimeoutMs = checkTimeoutMs(options.ackTimeoutMs ?? 5000, "ackTimeoutMs");
    const registry = createRegistry([createUnixTransport({ ackTimeoutMs }), createHttpTransport()]);
    if (network !== undefined) registry.register(network.transport, { isBorrowed: true });
    const checks = new ProviderChecks(registry, Math.min(ackTimeoutMs, 1000));
    const admission = new Admission({ admit, socketDir, socketPath: this.#socketPath, ownHosts: () => this.#door?.ownHosts ?? [], maxHops: checkCount(maxHops, "maxHops") });
    const signer = new StreamSigner();
    const tracker = (): Tracker => this.#runningTracker();
    this.#registry = registry;
    this.#directory = new ProviderDirectory({ socketDir, check: checks.check, isForbidden: ({ dev, ino }) => dev === this.#ownSocket?.dev && ino === this.#ownSocket.ino, rescanMs });
    this.#elsewhere = network === undefined ? undefined : new NetworkProviders({ network, socketDir, providersOf: (task) => this.#directory.providersOf(task), rescanMs, onError });
    this.#streams = new AdoptedStreams({ registry, directory: streamDirectory(socketDir, name), onError });
    this.#hooks = { registry, admit: (url, purpose) => url.protocol === "unix:" || admission.hooks(url, purpose), onError };
    this.#router = new Router({
      directory: this.#directory,
      tracker,
      registry,
      crossing: network === undefined ? undefined : new Crossing({ network, registry, streams: this.#streams }),
      defaultTimeoutMs: this.#defaultTimeoutMs,
      waitForProviderMs: waitForProviderMs === 0 ? 0 : checkTimeoutMs(waitForProviderMs, "waitForProviderMs"),
      suspect: checks.suspect,
    });
    this.#forwarder = new Forwarder({ admission, router: this.#router, tracker, streams: this.#streams, signer, doorUrl: (path) => this.#doorUrl(path), describe: () => this.describe() });
    this.#listener = new UnixListener(this.#socketPath, { group });
    if (http === undefined) return;
    this.#door = new OutsideDoor({
      http,
      forwarder: this.#forwarder,
      hooks: { registry, admit: admission.hooks, onError },
      defaultTimeoutMs: this.#defaultTimeoutMs,
      maxInFlight: this.#maxInFlight,
      signer,
      registry,
      takeResponse: (response) => { tracker().handleResponse(response); },
      isRunning: () => this.#isRunning,
      onError,
    });
  }

  /** Where callers on this machine reach it. */
  get url(): AcommUrl {
    return parseUrl(this.#listener.url);
  }

  /** Where callers from outside reach it; undefined without `http`, and before the start. */
  get httpUrl(): AcommUrl | undefined {
    return this.#door?.url;
  }

  /** How many calls are under way. */
  get inFlightCount(): number {
    return (this.#service?.inFlightCount ?? 0) + (this.#door?.inFlightCount ?? 0);
  }

  /** What it answers to `acomm.describe`. */
  describe(): CoordinatorDescription {
    return {
      kind: "coordinator",
      name: this.#name,
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      uptimeMs: Math.round(performance.now() - this.#startedAtMs),
      health: this.#isRunning ? "ok" : "draining",
      http: this.httpUrl?.href ?? null,
      inFlight: this.inFlightCount,
      tasks: this.#directory.tasks().map(summaryOf),
    };
  }

  /** Finds the providers that are there, then listens. Idempotent. @throws `bad_address`, `stopping` after a stop */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(new AcommError("stopping", "the coordinator was stopped: make a new one"));
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Takes its socket away at once, so that another coordinator can have the place, refuses what is new with `stopping`, and
   * waits until what it has accepted is answered. The HTTP door stays open as long, for those answers. After `graceMs` what is
   * left is ended, and the report says what it was. Idempotent, safe during the start.
   *
   * @param options.graceMs 0 to 2^31-1, @default 10 000
   * @throws `bad_field`
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  /** Stops, with the grace that `stop` has by default. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    try {
      await Promise.all([this.#directory.start(), this.#elsewhere?.start()]);
      this.#tracker = await this.#startTracker();
      await this.#door?.start();
      await this.#listener.start();
      const { dev, ino } = await lstat(this.#socketPath);
      this.#ownSocket = { dev, ino };
    } catch (error) {
      await this.#release(0);
      throw error;
    }
    this.#service = serve(this.#listener, (request, context) => this.#handle(request, context), {
      registry: this.#registry,
      admit: this.#hooks.admit,
      maxInFlight: this.#maxInFlight,
      reserve: (request) => {
        this.#forwarder.check(request, false);
        return undefined;
      },
      hookTimeoutMs,
      onError: this.#onError,
    });
    this.#isRunning = this.#stopping === undefined;
  }

  /** One that drains keeps its response socket; the next one takes another. */
  async #startTracker(): Promise<Tracker> {
    let taken: unknown;
    for (let number = 1; number <= maxResponseSockets; number += 1) {
      const socketPath = responseSocketPath(this.#socketDir, number === 1 ? this.#name : `${this.#name}.${number}`);
      const tracker = new Tracker({ socketPath, registry: this.#registry, defaultTimeoutMs: this.#defaultTimeoutMs, maxPending: 4 * this.#maxInFlight, onError: this.#onError });
      try {
        await tracker.start();
        return tracker;
      } catch (error) {
        taken ??= error;
      }
    }
    throw taken;
  }

  #runningTracker(): Tracker {
    if (this.#tracker === undefined) throw new AcommError("unavailable", "the coordinator is not started: await coordinator.start()");
    return this.#tracker;
  }

  /** A request of a caller on this machine. */
  async #handle(request: Request, context: HandlerContext): Promise<void> {
    const { responseHook, ext } = request;
    if (responseHook === null || ext?.["reply"] === true) {
      context.answerWith(await this.#forwarder.forward(request, context, context.wantsProgress ? context.progress : undefined));
      return;
    }
    // from here on it answers hooks by itself, within the request's time
    context.answerWith(null);
    const hook = new HookAnswer(request, this.#hooks);
    const response = isForProvider(request, responseHook) ? await this.#router.handOver(this.#router.find(request.task), request, context, hook.onProgress) : await this.#forwarder.forward(request, context, hook.onProgress);
    if (response === undefined) return;
    const answer = responseHook.protocol === "unix:" ? response : this.#forwarder.forOutside(response);
    await hook.deliver({ ...answer, id: request.id }, { deadline: context.deadline, signal: this.#graceOver.signal });
  }

  #doorUrl(path: "stream" | "proxy"): AcommUrl | undefined {
    const base = this.httpUrl;
    return base === undefined ? undefined : parseUrl(new URL(path, base));
  }

  async #stop(graceMs: number): Promise<StopReport> {
    const until = performance.now() + graceMs;
    const leftMs = (): number => Math.max(Math.ceil(until - performance.now()), 0);
    this.#isRunning = false;
    await this.#starting?.catch(() => undefined); // its error went to whoever called start()
    const [stopped, cutOutside] = await Promise.all([this.#service?.stop({ graceMs: leftMs() }), this.#door?.drain(leftMs())]);
    const cutConnections = await this.#release(leftMs());
    return { cut: [...(stopped?.cut ?? []), ...(cutOutside ?? [])], cutConnections: (stopped?.cutConnections ?? 0) + cutConnections };
  }

  /** Gives back everything but the calls, which are done. */
  async #release(graceMs: number): Promise<number> {
    this.#graceOver.abort(new AcommError("stopping", "the coordinator stopped and waits no longer", { retryable: false }));
    const closed = await this.#door?.close(graceMs);
    await this.#listener.stop({ graceMs: 0 });
    await this.#tracker?.stop({ graceMs: 0 });
    this.#elsewhere?.close();
    this.#directory.close();
    await this.#streams.close();
    await this.#registry.close();
    return closed?.cutConnections ?? 0;
  }
}

/** Whether a request for a unix hook can be handed over as it is: its provider answers there by itself. */
function isForProvider({ task, taskUrl, streamUrl }: Request, hook: AcommUrl): boolean {
  return hook.protocol === "unix:" && taskUrl == null && task !== describeTask && (streamUrl === null || streamUrl.protocol === "unix:");
}
