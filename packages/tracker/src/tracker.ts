import { AcommError, checkOptionNames, decodeResponse, encodeUrl, parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { admitTargets, checkCount, checkDepth, checkGraceMs, checkTarget, checkTimeoutMs, createRegistry, MessageServer, openStream, send, serveUnixStream, settledWithin, StreamSigner, UnixListener } from "@acomm/transport";
import type { AcceptedWork, CallParent, CutWork, LazyStreamSource, Listener, ServedStreamOptions, StopOptions, StopReport, StreamServer, TargetPolicy, TransportRegistry, UnixListenerOptions, UnixStreamOptions } from "@acomm/transport";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdHocStreams } from "./ad-hoc-streams.ts";
import { Calls } from "./calls.ts";
import { PendingRequests } from "./pending-requests.ts";
import type { PendingRequest } from "./pending-requests.ts";
import { ResponseForwarder } from "./response-forwarder.ts";
import { runHandlers, runProgress, TrackedRequest } from "./tracked-request.ts";
import { trackerOptionNames } from "./tracker-options.ts";
import type { CallOptions, ForwardOptions, TrackerOptions } from "./tracker-options.ts";

/** What makes calls: a tracker, or what {@link Tracker.within} gives. */
export type Caller = Pick<Tracker, "request" | "call">;

type State = "new" | "starting" | "running" | "stopping" | "stopped";

/**
 * Keeps track of requests that wait for their responses; the seed's `Tracker`. Each request has one outcome: its response, an
 * error, or its timeout.
 */
export class Tracker implements AsyncDisposable {
  /** Signs the HTTP URLs that {@link proxyStreamHttpUrl} gives. */
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

  /** A tracker that takes requests from its start to its stop. @throws AcommError `bad_field`, `bad_address` */
  constructor(options: TrackerOptions = {}) {
    checkOptionNames(options, "Tracker", trackerOptionNames);
    const { socketPath, listener } = options;
    if (isListener(listener)) {
      if (socketPath !== undefined) throw new AcommError("bad_field", "socketPath and listener: responses come in at one of them, give either");
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
   * @throws AcommError `unavailable` before the start where no path was given, and where responses come in some other way
   */
  get address(): string {
    const listener = this.#responses;
    if (listener instanceof UnixListener) return listener.address;
    throw new AcommError("unavailable", "the tracker was given a listener that has no socket path: use its url");
  }

  /** The URL at which responses come in, to be named as response hook; the seed's `URL`. @throws AcommError `unavailable` before the start, where that finds it */
  get url(): AcommUrl {
    return parseUrl(this.#responses.url);
  }

  /** How many requests are open; the seed's `NumRequests`. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** How many responses were refused because no request was open for them: late, second or not ours. */
  get refusedCount(): number {
    return this.#refused;
  }

  /** Starts to listen for responses; the seed's `Start`. Idempotent. @throws AcommError `bad_address`, `stopping` after a stop */
  start(): Promise<void> {
    if (this.#state === "stopping" || this.#state === "stopped") return Promise.reject(new AcommError("stopping", "the tracker was stopped: make a new one"));
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Refuses new requests, waits for those that are open, for streams and proxied responses that are under way, then closes;
   * the seed's `Stop`. After `graceMs` what is left fails with `stopping`, and the report says what it was. Idempotent.
   *
   * @param options.graceMs 0 to 2^31-1, @default 10 000
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

  /**
   * Asks a peer to run a task and gives its result. The answer comes on the same connection where the peer offers that, else
   * to the response hook.
   *
   * @throws AcommError `remote` or the peer's own code where the task failed; `unavailable` where it surely did not run,
   * `ambiguous` where it may have, `timeout`, `cancelled`, `overloaded`, `stopping`, `bad_field`, `unknown_scheme`,
   * `frame_too_large`.
   */
  request<Result = unknown, Args = unknown>(url: string | URL, options: CallOptions<Args>): Promise<Result> {
    return this.#calls.call(url, options, "result") as Promise<Result>;
  }

  /** Like {@link Tracker.request}, but gives the whole response, with its stream URL. A response with an error throws. */
  call<Result = unknown, Args = unknown>(url: string | URL, options: CallOptions<Args>): Promise<Response<Result>> {
    return this.#calls.call(url, options, "response") as Promise<Response<Result>>;
  }

  /**
   * Sends a request on that came from somebody else: under an id of its own, its arguments with their text, its streams as they
   * are. Gives whatever response there is, with an error or not; the text of its result is in `raw`, its value need not be.
   *
   * @throws AcommError only where there is no response: the peer's refusal, which means that it did not run, and else as
   * {@link Tracker.request}
   */
  forward(url: string | URL, request: Request, options: ForwardOptions = {}): Promise<Response> {
    return this.#calls.forward(url, request, options);
  }

  /** A caller whose calls are made on behalf of a request: its context is the `parent` of each. */
  within(parent: CallParent): Caller {
    return {
      request: (url, options) => this.request(url, { parent, ...options }),
      call: (url, options) => this.call(url, { parent, ...options }),
    };
  }

  /**
   * Opens a request that the application sends itself; its handlers get the outcome; the seed's `TrackRequest`.
   *
   * @param options.timeoutMs 1 to 2^31-1, @default the tracker's `defaultTimeoutMs`
   * @throws AcommError `duplicate_id`, in which case the first request lives on; `overloaded`, `stopping`, `bad_field`
   */
  trackRequest<Args>(request: Request<Args>, options: { readonly timeoutMs?: number | undefined } = {}): void {
    this.#track(request, options.timeoutMs, this.#runHandlers);
  }

  /** Gives a tracked request up, without an outcome; the seed's `RemoveRequest`. False where this very request isn't open. */
  removeRequest<Args>(request: Request<Args>): boolean {
    const pending = this.#pending.find(request.id);
    return pending instanceof TrackedRequest && pending.request === request && this.#pending.remove(pending);
  }

  /**
   * Takes a response, or progress, that came some other way than the tracker's own socket; the seed's `HandleResponse`.
   *
   * @throws AcommError `unknown_id` where no request is open for it
   */
  // an arrow, so that it can be handed to createResponseHandler
  readonly handleResponse = (response: Response): void => {
    const progress = response.ext?.["progress"];
    if (progress === undefined) this.#pending.settle(this.#claim(response), response);
    else this.#open(response).progressed?.(progress);
  };

  /**
   * Makes a request from outside fit for local services; the seed's `ProxyUnix`. Where its response hook is not a unix
   * socket, the tracker takes the answer in its place and forwards it; where its stream is not, the tracker reads it in the
   * receiver's place. Arguments keep their text. The caller sends what this gives, and need not track it.
   *
   * @param options.timeoutMs @default the tracker's `defaultTimeoutMs`; then the hook gets an error
   * @throws AcommError `forbidden_target` where the policy doesn't admit a URL of the request; as {@link trackRequest}
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
   * Proxies a request from outside to a local service: {@link proxyUnix} and the sending of what it gives. A request that
   * the service doesn't take is given up again, so that its hook hears nothing of what the sender is told already.
   *
   * @throws AcommError as {@link proxyUnix}; the service's refusal; as `send`
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
   * Serves a source to one reader at a unix socket of its own; the seed's `NewStreamUnix`. A reader that knows of it sees a
   * source that fails as a cut stream.
   *
   * @param source the bytes, or a function that opens them when the reader comes
   * @param options.directory @default the tracker's own directory
   * @throws AcommError `bad_address`, `bad_field`, `stopping`
   */
  async createUnixStream(source: LazyStreamSource, options: Partial<UnixStreamOptions> = {}): Promise<AcommUrl> {
    this.#checkRunning();
    return this.#streams.add(serveUnixStream(source, { ...options, directory: options.directory ?? (await this.#ownDirectory()) }));
  }

  /**
   * Serves a source to one reader, by the option `streams`: of the transport that the callers can reach.
   *
   * @param source the bytes, or a function that opens them when the reader comes
   * @throws AcommError `bad_address`, `bad_field`, `unavailable`, `stopping`
   */
  async createStream(source: LazyStreamSource, options: ServedStreamOptions = {}): Promise<AcommUrl> {
    if (this.#streamServer === undefined) return this.createUnixStream(source, options);
    this.#checkRunning();
    return this.#streams.add(this.#streamServer.serveStream(source, options));
  }

  /**
   * The URL at which a unix stream can be read from outside, signed and valid for a minute; the seed's `ProxyStreamHTTPURL`.
   *
   * @throws AcommError `bad_field` where the tracker has no `httpStreamUrl`
   */
  proxyStreamHttpUrl(url: string | URL): AcommUrl {
    if (this.#httpStreamUrl === undefined) throw new AcommError("bad_field", "the tracker has no httpStreamUrl: give it the URL of its stream proxy");
    return this.streamSigner.sign(this.#httpStreamUrl, url);
  }

  get #responses(): Listener {
    if (this.#listener === undefined) throw new AcommError("unavailable", "the tracker has no address before it is started: await tracker.start()");
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
    this.#server = new MessageServer(listener, { accept: (text, start, end) => this.#accept(text.slice(start, end)), connectionEnded: () => undefined });
    if (this.#stopping === undefined) this.#state = "running";
  }

  #ownDirectory(): Promise<string> {
    this.#directory ??= mkdtemp(join(tmpdir(), "acomm-"));
    return this.#directory;
  }

  #checkRunning(): void {
    if (this.#state === "running") return;
    if (this.#state === "new" || this.#state === "starting") throw new AcommError("unavailable", "the tracker is not started: await tracker.start()");
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
    const progress = response.ext?.["progress"];
    if (progress !== undefined) return this.#acceptProgress(response, progress);
    const pending = this.#claim(response);
    return {
      answersHere: false,
      start: () => { this.#pending.settle(pending, response); },
      discard: () => { pending.isClaimed = false; },
    };
  }

  #acceptProgress(response: Response, progress: unknown): AcceptedWork {
    const pending = this.#open(response);
    return { answersHere: false, start: () => { pending.progressed?.(progress); }, discard: () => undefined };
  }

  #claim(response: Response): PendingRequest {
    const pending = this.#open(response);
    pending.isClaimed = true;
    return pending;
  }

  /** The request that waits for a response. @throws AcommError `unknown_id` */
  #open(response: Response): PendingRequest {
    const pending = this.#pending.find(response.id);
    if (pending?.isClaimed !== false) throw this.#unknown(response);
    return pending;
  }

  #unknown(response: Response): AcommError {
    this.#refused += 1;
    return new AcommError("unknown_id", `no request with the id ${JSON.stringify(response.id)} is open: it was answered, has expired or is not from here`);
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
      cut.push({ id: pending.id, task: pending.task, ageMs: now - pending.startedAt });
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
