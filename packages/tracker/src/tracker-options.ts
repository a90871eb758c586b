import type { RequestInit } from "@acomm/protocol";
import type { ErrorHook, TargetPolicy, TransportRegistry, UnixListenerOptions } from "@acomm/transport";

/** What a `Tracker` takes; all have defaults. */
export interface TrackerOptions {
  /** Where responses come in, an absolute path of at most 107 bytes. @default a socket in a private temporary directory */
  readonly socketPath?: string | undefined;
  /** The limits of that socket, and the group that may connect to it. @default those of `UnixListener` */
  readonly listener?: UnixListenerOptions | undefined;
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

/** What `tracker.request` takes. */
export interface CallOptions<Args = unknown> extends Pick<RequestInit<Args>, "task" | "args" | "streamUrl" | "taskUrl"> {
  /** Connect, send, acknowledgement and response together, in milliseconds. @default the tracker's `defaultTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Gives the request up; the promise then rejects with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Where the answer shall go instead of the tracker's own socket, such as an `http:` URL whose handler calls `handleResponse`. */
  readonly responseHook?: string | URL | undefined;
}
