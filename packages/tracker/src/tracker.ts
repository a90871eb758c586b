import { AcommError, badField, checkOptionNames, cutOut, decodeResponse, encodeUrl, parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { admitTargets, checkCount, checkDepth, checkGraceMs, checkTarget, checkTimeoutMs, createRegistry, MessageServer, openStream, send, serveUnixStream, settledWithin, StreamSigner, UnixListener } from "@acomm/transport";
import type { AcceptedWork, CallParent, CutWork, LazyStreamSource, Listener, ServedStreamOptions, StopOptions, StopReport, StreamServer, TargetPolicy, TransportRegistry, UnixListenerOptions, UnixStreamOptions } from "@acomm/transport";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { AdHocStreams } from "./ad-hoc-streams.ts";
import { Calls } from "./calls.ts";
import { PendingRequests } from "./pending-requests.ts";
import type { PendingRequest } from "./pending-requests.ts";
import { ResponseForwarder } from "./response-forwarder.ts";
import { runHandlers, runProgress, TrackedRequest } from "./tracked-request.ts";
import { trackerOptionNames } from "./tracker-options.ts";
import type { CallOptions, ForwardOptions, TrackerOptions } from "./tracker-options.ts";

/** What makes calls: a tracker, or {@link Tracker.within}. */
export type Caller = Pick<Tracker, "request" | "call">;

type State = "new" | "starting" | "running" | "stopping" | "stopped";

/** Keeps track of requests until each has its one outcome: a response, an error, or its timeout; the seed's `Tracker`. */
export class Tracker implements AsyncDisposable {
  /** Signs what {@link proxyStreamHttpUrl} gives. */
  readonly streamSigner: StreamSigner = new StreamSigner();
  readonly #listenerOptions: UnixListenerOptions | undefined;
  readonly #streamServer: StreamServer | undefined;
  readonly #httpStreamUrl: AcommUrl | undefined;
  readonly #defaultTimeoutMs: number;
  readonly #admit: TargetPolicy;
  readonly #registry: TransportRegistry;
  readonly #ownsRegistry: boolean;
  readonly #pending: PendingRequests;
  readonly #calls: Calls;
  readonly #maxDepth: number;
  readonly #runHandlers: (request: Request, response: Response) => void;
  readonly #streams: AdHocStreams;
  readonly #forwarder: ResponseForwarder;
  #state: State = "new";
  #directory: Promise<string> | undefined;
  #listener: Listener | undefined;
  #server: MessageServer | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;
  #refused = 0;

  /** Takes requests from its start to its stop. @throws `bad_field`, `bad_address` */
  constructor(options: TrackerOptions = {}) {
    checkOptionNames(options, "Tracker", trackerOptionNames);
    const { socketPath, listener } = options;
    if (isListener(listener)) {
      if (socketPath !== undefined) throw badField("socketPath and listener: responses come in at one of them, give either");
      this.#listener = listener;
    } else {
      if (socketPath !== undefined) this.#listener = new UnixListener(socketPath, listener);
      this.#listenerOptions = listener;
    }
    this.#streamServer = options.streams;
    this.#httpStreamUrl = options.httpStreamUrl === undefined ? undefined : parseUrl(options.httpStreamUrl, { field: "httpStreamUrl" });
    this.#defaultTimeoutMs = checkTimeoutMs(options.defaultTimeoutMs ?? 30_000, "defaultTimeoutMs");
    this.#pending = new PendingRequests(checkCount(options.maxPending ?? 10_000, "maxPending"));
    this.#maxDepth = checkDepth(options.maxDepth);
    this.#admit = options.admit ?? admitTargets();
    this.#ownsRegistry = options.registry === undefined;
    this.#registry = options.registry ?? createRegistry();
    this.#calls = new Calls({
      owner: { pending: this.#pending, maxDepth: this.#maxDepth, refuse: () => { this.#refused += 1; }, runProgress: runProgress(options.onError) },
      registry: this.#registry,
      defaultTimeoutMs: this.#defaultTimeoutMs,
      checkRunning: () => { this.#checkRunning(); },
    });
    this.#runHandlers = runHandlers(options.onError);
    this.#streams = new AdHocStreams(options.onError);
    this.#forwarder = new ResponseForwarder({ registry: this.#registry, admit: this.#admit, hookTimeoutMs: checkTimeoutMs(options.hookTimeoutMs ?? 5000, "hookTimeoutMs"), sign: (url) => this.proxyStreamHttpUrl(url), onError: options.onError });
  }

  /**
   * The path of the response socket; the seed's `Addr`.
   *
   * @throws `unavailable` before the start where no path was given, and where there is none
   */
  get address(): string {
    const listener = this.#responses;
    if (listener instanceof UnixListener) return listener.address;
    throw new AcommError("unavailable", "the tracker was given a listener that has no socket path: use its url");
  }

  /** Where responses come in, for response hooks; the seed's `URL`. @throws `unavailable` before the start, where that finds it */
  get url(): AcommUrl {
    return parseUrl(this.#responses.url);
  }

  /** Open requests; the seed's `NumRequests`. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Responses for which no request was open: late, second or not ours. */
  get refusedCount(): number {
    return this.#refused;
  }

  /** Listens for responses; the seed's `Start`. Idempotent. @throws `bad_address`, `stopping` after a stop */
  start(): Promise<void> {
    if (this.#state === "stopping" || this.#state === "stopped") return Promise.reject(new AcommError("stopping", "the tracker was stopped: make a new one"));
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Refuses new requests, waits for open ones, streams and proxied responses, then closes; the seed's `Stop`. After `graceMs` what
   * is left fails with `stopping` and is reported. Idempotent.
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Asks a peer to run a task and gives its result. The answer comes on the connection where the peer offers that, else to the
   * hook.
   *
   * @throws `remote` or the peer's own code where the task failed; `unavailable` where it surely did not run, `ambiguous` where it
   * may have, `timeout`, `cancelled`, `overloaded`, `stopping`, `bad_field`, `unknown_scheme`, `frame_too_large`
   */
  request<Result = unknown, Args = unknown>(url: string | URL, options: CallOptions<Args>): Promise<Result> {
    return this.#calls.call(url, options, "result") as Promise<Result>;
  }

  /** As {@link Tracker.request}, but gives the whole response, with its stream URL. An error throws. */
  call<Result = unknown, Args = unknown>(url: string | URL, options: CallOptions<Args>): Promise<Response<Result>> {
    return this.#calls.call(url, options, "response") as Promise<Response<Result>>;
  }

  /**
   * Passes a request on: under an id of its own, its arguments' text and its streams as they are. Gives any response, errors too;
   * the text of its result is in `raw`, and `result` may be null.
   *
   * @throws where there is no response: the peer's refusal, and then it did not run; else as {@link Tracker.request}
   */
  forward(url: string | URL, request: Request, options: ForwardOptions = {}): Promise<Response> {
    return this.#calls.forward(url, request, options);
  }

  /** Makes calls with this `parent`, such as a handler's context. */
  within(parent: CallParent): Caller {
    return {
      request: (url, options) => this.request(url, { parent, ...options }),
      call: (url, options) => this.call(url, { parent, ...options }),
    };
  }

  /**
   * Opens a request that you send yourself; its handlers get the outcome; the seed's `TrackRequest`.
   *
   * @param options.timeoutMs 1 to 2^31-1, @default the tracker's
   * @throws `duplicate_id`: the first one lives on; `overloaded`, `stopping`, `bad_field`
   */
  trackRequest<Args>(request: Request<Args>, options: { readonly timeoutMs?: number | undefined } = {}): void {
    this.#track(request, options.timeoutMs, this.#runHandlers);
  }

  /** Gives a tracked request up, without an outcome; the seed's `RemoveRequest`. False where this very one isn't open. */
  removeRequest<Args>(request: Request<Args>): boolean {
    const pending = this.#pending.find(request.id);
    return pending instanceof TrackedRequest && pending.request === request && this.#pending.remove(pending);
  }

  /**
   * Takes a response, or progress, that came some other way; the seed's `HandleResponse`.
   *
   * @throws `unknown_id` where no request is open for it
   */
  // an arrow, so that it can be handed to createResponseHandler
  readonly handleResponse = (response: Response): void => {
    const pending = this.#open(response);
    const progress = response.ext?.["progress"];
    if (progress === undefined) this.#pending.settle(pending, response);
    else pending.progressed?.(progress);
  };

  /**
   * Makes a request from outside fit for local services; the seed's `ProxyUnix`. Where its hook or stream is no unix socket, the
   * tracker forwards the answer or reads the stream. Send what this gives; it is tracked.
   *
   * @param options.timeoutMs then the hook gets an error, @default the tracker's
   * @throws `forbidden_target` where the policy doesn't admit a URL; as {@link trackRequest}
   */
  async proxyUnix<Args>(request: Request<Args>, options: { readonly timeoutMs?: number | undefined } = {}): Promise<Request<Args>> {
    const { responseHook, streamUrl } = request;
    this.#checkRunning();
    if (responseHook !== null) await checkTarget(this.#admit, responseHook, "response");
    if (streamUrl !== null) await checkTarget(this.#admit, streamUrl, "stream");
    const forwardsStream = streamUrl !== null && streamUrl.protocol !== "unix:";
    const forwardsResponse = responseHook !== null && responseHook.protocol !== "unix:";
    if (!forwardsStream && !forwardsResponse) return request;
    if (forwardsResponse) {
      this.#track(request, options.timeoutMs, (original, response) => { this.#forwarder.forward(original, response); });
    }
    try {
      return {
        ...request,
        ...(forwardsResponse ? { responseHook: this.url } : undefined),
        ...(forwardsStream ? { streamUrl: await this.createUnixStream(() => openStream(streamUrl, { registry: this.#registry })) } : undefined),
      };
    } catch (error) {
      this.removeRequest(request);
      throw error;
    }
  }

  /**
   * Does {@link proxyUnix} and sends what it gives; the hook hears nothing of a refusal.
   *
   * @throws as {@link proxyUnix}; the service's refusal; as `send`
   */
  async proxy<Args>(url: string | URL, request: Request<Args>, options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    const timeoutMs = options.timeoutMs ?? this.#defaultTimeoutMs;
    const proxied = await this.proxyUnix(request, { timeoutMs });
    try {
      await send(this.#calls.target(url).url, proxied, { registry: this.#registry, timeoutMs });
    } catch (error) {
      this.removeRequest(request);
      throw error;
    }
  }

  /**
   * Serves a source to one reader at a unix socket; the seed's `NewStreamUnix`. A source that fails is a cut stream.
   *
   * @param options.directory
   * @default the tracker's own
   * @throws `bad_address`, `bad_field`, `stopping`
   */
  async createUnixStream(source: LazyStreamSource, options: Partial<UnixStreamOptions> = {}): Promise<AcommUrl> {
    this.#checkRunning();
    return this.#streams.add(serveUnixStream(source, { ...options, directory: options.directory ?? (await this.#ownDirectory()) }));
  }

  /** Serves a source to one reader by the option `streams`. @throws `bad_address`, `bad_field`, `unavailable`, `stopping` */
  async createStream(source: LazyStreamSource, options: ServedStreamOptions = {}): Promise<AcommUrl> {
    if (this.#streamServer === undefined) return this.createUnixStream(source, options);
    this.#checkRunning();
    return this.#streams.add(this.#streamServer.serveStream(source, options));
  }

  /**
   * Where a unix stream can be read from outside: signed, for a minute; the seed's `ProxyStreamHTTPURL`.
   *
   * @throws `bad_field` without `httpStreamUrl`
   */
  proxyStreamHttpUrl(url: string | URL): AcommUrl {
    if (this.#httpStreamUrl === undefined) throw badField("the tracker has no httpStreamUrl: give it the URL of its stream proxy");
    return this.streamSigner.sign(this.#httpStreamUrl, url);
  }

  get #responses(): Listener {
    if (this.#listener === undefined) throw notStartedError();
    return this.#listener;
  }

  async #start(): Promise<void> {
    this.#state = "starting";
    if (this.#listener === undefined) this.#listener = new UnixListener(join(await this.#ownDirectory(), "response.sock"), this.#listenerOptions);
    const listener = this.#listener;
    try {
      await listener.start();
    } catch (error) {
      this.#state = "stopped";
      throw error;
    }
    this.#calls.hook = encodeUrl(listener.url);
    this.#server = new MessageServer(listener, { accept: (text, start, end) => this.#accept(cutOut(text, start, end)), connectionEnded: () => undefined });
    if (this.#stopping === undefined) this.#state = "running";
  }

  #ownDirectory(): Promise<string> {
    this.#directory ??= mkdtemp(join(tmpdir(), "acomm-"));
    return this.#directory;
  }

  #checkRunning(): void {
    if (this.#state === "running") return;
    if (this.#state === "new" || this.#state === "starting") throw notStartedError();
    throw new AcommError("stopping", "the tracker is stopping: make a new one for more requests");
  }

  #track(request: Request, timeoutMs: number | undefined, handOver: (request: Request, response: Response) => void): void {
    this.#checkRunning();
    const tracked = new TrackedRequest(request, checkTimeoutMs(timeoutMs ?? this.#defaultTimeoutMs), handOver);
    this.#pending.add(tracked);
    try {
      this.#pending.name(tracked);
    } catch (error) {
      this.#pending.remove(tracked);
      throw error;
    }
  }

  /** Takes a response that comes in at the tracker's socket. */
  #accept(text: string): AcceptedWork {
    const response = decodeResponse(text, this.#maxDepth);
    const pending = this.#open(response);
    const progress = response.ext?.["progress"];
    if (progress !== undefined) return { answersHere: false, start: () => { pending.progressed?.(progress); }, discard: () => undefined };
    pending.isClaimed = true;
    return {
      answersHere: false,
      start: () => { this.#pending.settle(pending, response); },
      discard: () => { pending.isClaimed = false; },
    };
  }

  /** The request that waits for a response. @throws `unknown_id` */
  #open(response: Response): PendingRequest {
    const pending = this.#pending.find(response.id);
    if (pending?.isClaimed === false) return pending;
    this.#refused += 1;
    throw new AcommError("unknown_id", `no request with the id ${JSON.stringify(response.id)} is open: it was answered, has expired or is not from here`);
  }

  async #stop(graceMs: number): Promise<StopReport> {
    this.#state = "stopping";
    const until = performance.now() + graceMs;
    const leftMs = (): number => Math.max(until - performance.now(), 0);
    await this.#starting?.catch(() => undefined); // its error went to whoever called start()
    await this.#pending.empty(leftMs());
    const now = performance.now();
    const cut: CutWork[] = [];
    for (const pending of this.#pending.values()) {
      cut.push({ id: pending.id, task: pending.task, ageMs: Math.max(now - pending.startedAt, 0) }); // deadlines are rounded up
      this.#pending.settle(pending, new AcommError("stopping", `the tracker stopped before request ${JSON.stringify(pending.id)} (${pending.task}) was answered`, { retryable: false }));
    }
    await settledWithin([...this.#forwarder.done(), ...this.#streams.done()], leftMs());
    await this.#streams.close();
    const stopped = await this.#server?.stop(Promise.resolve(), { graceMs: Math.max(Math.ceil(leftMs()), 100) });
    if (this.#ownsRegistry) await this.#registry.close();
    await settledWithin(this.#forwarder.done(), 1000);
    this.#pending.close();
    if (this.#directory !== undefined) await rm(await this.#directory, { recursive: true, force: true });
    this.#state = "stopped";
    return { cut, cutConnections: stopped?.cutConnections ?? 0 };
  }
}

function isListener(listener: TrackerOptions["listener"]): listener is Listener {
  return listener !== undefined && "nextConnection" in listener;
}

function notStartedError(): AcommError {
  return new AcommError("unavailable", "the tracker is not started: await tracker.start()");
}
