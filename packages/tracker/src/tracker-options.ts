import type { OptionNames, RequestInit, TraceContext } from "@acomm/protocol";
import type { CallParent, ErrorHook, Listener, StreamServer, TargetPolicy, TransportRegistry, UnixListenerOptions } from "@acomm/transport";

/** What a {@link Tracker} takes. */
export interface TrackerOptions {
  /** Where responses come in: absolute, at most 107 bytes. @default in a private temporary directory */
  readonly socketPath?: string | undefined;
  /**
   * Where responses come in instead: a listener, not yet started, which the tracker starts and stops; or the limits and group of
   * its own socket. @default with those of `UnixListener`
   */
  readonly listener?: Listener | UnixListenerOptions | undefined;
  /** Serves `createStream`. @default each at a unix socket of its own */
  readonly streams?: StreamServer | undefined;
  /** Where `createStreamProxyHandler({ signer: tracker.streamSigner })` is mounted. */
  readonly httpStreamUrl?: string | URL | undefined;
  /** For requests that name none. @default 30 000 */
  readonly defaultTimeoutMs?: number | undefined;
  /** Open requests; more are refused as `overloaded`. @default 10 000 */
  readonly maxPending?: number | undefined;
  /** How deep a response may nest, 1 to 5000. @default 256 */
  readonly maxDepth?: number | undefined;
  /** How long to try a hook where nobody listens. @default 5000 */
  readonly hookTimeoutMs?: number | undefined;
  /** Which hooks and streams `proxyUnix` may open. @default unix sockets */
  readonly admit?: TargetPolicy | undefined;
  /** Whose transports and connections are used. @default unix and http(s), closed with the tracker */
  readonly registry?: TransportRegistry | undefined;
  /** Gets failures that no caller can receive. @default only `node:diagnostics_channel` gets them */
  readonly onError?: ErrorHook | undefined;
}

export const trackerOptionNames: OptionNames<TrackerOptions> = {
  socketPath: true,
  listener: true,
  streams: true,
  httpStreamUrl: true,
  defaultTimeoutMs: true,
  maxPending: true,
  maxDepth: true,
  hookTimeoutMs: true,
  admit: true,
  registry: true,
  onError: true,
};

/** How long a call may take, and what it hears. */
export interface CallLimits {
  /** Connect, send, acknowledgement and response together; the receiver is told. @default the tracker's `defaultTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** How long the receiver may be without progress; never extends `timeoutMs`. @default as `timeoutMs` */
  readonly idleTimeoutMs?: number | undefined;
  /** Ends it with `cancelled`; the receiver is told where it understands that. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the task's progress: any JSON. What it throws or rejects with is reported. @default none is asked for */
  readonly onProgress?: ((value: unknown) => unknown) | undefined;
  /** On whose behalf the call is made, such as a handler's context: its time, end and trace count here too. */
  readonly parent?: CallParent | undefined;
  /** The trace that it belongs to, instead of the parent's. */
  readonly trace?: TraceContext | undefined;
  /** How long to send it again, within `timeoutMs`, while its error is `retryable`. @default it is sent once */
  readonly retryForMs?: number | undefined;
}

/** What `tracker.forward` takes. */
export interface ForwardOptions extends CallLimits, Pick<CallOptions, "responseHook"> {
  /** How many coordinators have passed it on, this one included. @default 0 */
  readonly hops?: number | undefined;
}

/** What `tracker.request` takes. */
export interface CallOptions<Args = unknown> extends CallLimits, Pick<RequestInit<Args>, "task" | "args" | "streamUrl" | "taskUrl"> {
  /** Where the answer goes instead of the tracker's own socket; give what comes there to `handleResponse`. */
  readonly responseHook?: string | URL | undefined;
}
