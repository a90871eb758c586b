import type { OptionNames, RequestInit, TraceContext } from "@acomm/protocol";
import type { CallParent, ErrorHook, Listener, StreamServer, TargetPolicy, TransportRegistry, UnixListenerOptions } from "@acomm/transport";

/** What a `Tracker` takes; all have defaults. */
export interface TrackerOptions {
  /** Where responses come in, an absolute path of at most 107 bytes. @default a socket in a private temporary directory */
  readonly socketPath?: string | undefined;
  /**
   * Where responses come in instead: a listener of any transport that is not started; the tracker starts and stops it. Or the
   * limits of the tracker's own socket, and the group that may connect to it. @default a unix socket with the limits of `UnixListener`
   */
  readonly listener?: Listener | UnixListenerOptions | undefined;
  /** Serves the streams of `createStream`. @default each at a unix socket of its own */
  readonly streams?: StreamServer | undefined;
  /** The URL under which the application has mounted `createStreamProxyHandler({ signer: tracker.streamSigner })`. */
  readonly httpStreamUrl?: string | URL | undefined;
  /** The timeout of requests that name none, in milliseconds. @default 30 000 */
  readonly defaultTimeoutMs?: number | undefined;
  /** How many requests may be open; more are refused with `overloaded`. @default 10 000 */
  readonly maxPending?: number | undefined;
  /** How deep a response may nest arrays and objects, 1 to 5000. @default 256 */
  readonly maxDepth?: number | undefined;
  /** How long to try to forward an answer to a hook where nobody listens, in milliseconds. @default 5000 */
  readonly hookTimeoutMs?: number | undefined;
  /** Which hooks and streams out of messages `proxyUnix` may open. @default unix sockets */
  readonly admit?: TargetPolicy | undefined;
  /** Whose transports and connections are used. @default unix and http(s), closed with the tracker */
  readonly registry?: TransportRegistry | undefined;
  /** Gets the failures that no caller can receive. @default they go to `node:diagnostics_channel` alone */
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

/** How long a call may take, what ends it early, and what it hears meanwhile. */
export interface CallLimits {
  /** Connect, send, acknowledgement and response together, in milliseconds. The receiver is told. @default the tracker's `defaultTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** How long the receiver may be without progress, in milliseconds; it never extends `timeoutMs`. @default as long as `timeoutMs` */
  readonly idleTimeoutMs?: number | undefined;
  /** Gives the request up; the promise then rejects with `cancelled`, and the receiver is told where it understands that. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the progress of the task: any JSON. What it throws, or rejects with, is reported. @default none is asked for */
  readonly onProgress?: ((value: unknown) => unknown) | undefined;
  /** The request on whose behalf this call is made, such as a handler's context: what is left of its time, its end and its trace count here too. */
  readonly parent?: CallParent | undefined;
  /** The trace that the call belongs to, instead of its parent's. */
  readonly trace?: TraceContext | undefined;
  /**
   * How long to send it again where it may be sent again, in milliseconds and within `timeoutMs`: it surely did not run
   * (`unavailable`, `overloaded`, `stopping`), or whoever failed says so. @default it is sent once
   */
  readonly retryForMs?: number | undefined;
}

/** What `tracker.forward` takes. */
export interface ForwardOptions extends CallLimits {
  /** How many coordinators have passed the request on, this one included. @default 0 */
  readonly hops?: number | undefined;
  /** Where the answer shall go instead of the tracker's own socket, such as an `http:` URL whose handler calls `handleResponse`. */
  readonly responseHook?: string | URL | undefined;
}

/** What `tracker.request` takes. */
export interface CallOptions<Args = unknown> extends CallLimits, Pick<RequestInit<Args>, "task" | "args" | "streamUrl" | "taskUrl"> {
  /** Where the answer shall go instead of the tracker's own socket, such as an `http:` URL whose handler calls `handleResponse`. */
  readonly responseHook?: string | URL | undefined;
}
