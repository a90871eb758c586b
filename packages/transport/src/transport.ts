import type { Acknowledgement, AcommError, AcommUrl } from "@acomm/protocol";
import type { Readable } from "node:stream";
import type { Connection } from "./connection.ts";

/** How long a wait may last and what may end it early. */
export interface WaitOptions {
  /** Ends the wait with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** The whole wait, in milliseconds, 1 to 2^31-1; then it ends with `timeout`. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A message on its way, as a transport sees it. The transport calls `accepted` and `answered`, or `failed`, each at most
 * once, and asks for the text only when it can write it.
 */
export interface OutgoingMessage {
  /** Names the message among those on a connection; read after `encode`. */
  readonly id: string;
  /** Whether an answer on the same connection is understood (wire 2.8). */
  readonly takesReply: boolean;
  /** Whether nobody waits for it any more; it is then not sent. */
  readonly isSettled: boolean;
  /** Whether it was given up by whoever asked, so that the receiver should be told (wire 2.4). @default false */
  readonly isCancelled?: boolean;
  /** The connection that carries it; set by the transport. */
  carrier: MessageCarrier | undefined;
  /** How often it was written to a connection that ended without an acknowledgement. */
  attempts: number;
  /**
   * The JSON text; `freeId` is given where the answer is sure to come on this connection, so no hook is needed. It is an id
   * that no other message there has, and the answer to a message that takes it for its own is found fastest.
   */
  encode(freeId: string | undefined): string;
  /** The receiver took it; `answersHere` says that the answer will come through {@link answered}. */
  accepted(answersHere: boolean): void;
  /** The text of the answer that came on the same connection. */
  answered(text: string): void;
  /**
   * The same for a plain success, whose result alone is given, as JSON; false where it can't be read, and {@link answered}
   * gets the whole. A message without this gets the whole anyway.
   */
  succeeded?(resultText: string): boolean;
  /** Progress came on the same connection (wire 2.6), before the answer; any JSON value. @default it is dropped */
  progressed?(value: unknown): void;
  /** It was refused, could not be sent, or its connection ended before the answer. */
  failed(error: AcommError): void;
  /** An answer came that no message on the connection waits for: a late or a second one. Told to whoever sent last. */
  strayAnswer(): void;
}

/** The connection of a message. */
export interface MessageCarrier {
  /** Nobody waits for the message's answer any more. */
  forget(message: OutgoingMessage): void;
}

/** Carries messages and streams for some URL schemes. It knows bytes and URLs, never tasks. */
export interface Transport {
  /** The schemes it serves, in lower case and without a colon. */
  readonly schemes: readonly string[];
  /**
   * Delivers one message's text and gives the acknowledgement.
   *
   * @throws AcommError `unavailable` where it surely was not accepted, `ambiguous` where it may have been, `timeout`,
   * `cancelled`, `overloaded`, `bad_address`, `frame_too_large`.
   */
  send(url: AcommUrl, text: string, options: WaitOptions): Promise<Acknowledgement>;
  /** Delivers a message whose answer may come back on the same connection; only where the scheme can do that. */
  call?(url: AcommUrl, message: OutgoingMessage): void;
  /** Opens a stream to read. @throws AcommError `unavailable`, `timeout`, `cancelled`, `forbidden_target`. */
  openStream(url: AcommUrl, options: StreamOptions): Promise<Readable>;
  /**
   * Whether somebody listens there, for schemes that can find out without sending anything.
   *
   * @throws AcommError where it can't be found out
   */
  probe?(url: AcommUrl): Promise<boolean>;
  /** Closes what is kept open. What is on its way fails with `stopping`. */
  close(): Promise<void>;
}

/** How a stream is read. */
export interface StreamOptions extends WaitOptions {
  /** How long the stream may be silent, in milliseconds; then it fails with `timeout`. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
}

/** What {@link Listener.stop} takes. */
export interface StopOptions {
  /** How long to wait for what is under way before it is cut, in milliseconds. @default 10 000 */
  readonly graceMs?: number | undefined;
}

/** One thing that a stop had to cut. */
export interface CutWork {
  readonly id: string;
  readonly task: string;
  readonly ageMs: number;
}

/** What a stop had to cut: empty where all was done in time. */
export interface StopReport {
  /** The requests that had no outcome yet. */
  readonly cut: readonly CutWork[];
  /** How many connections were destroyed with work on them. */
  readonly cutConnections: number;
}

/** Where connections come in. {@link serve} takes any of them; `UnixListener` and the memory listener are two. */
export interface Listener extends AsyncDisposable {
  /** The URL that callers send to. */
  readonly url: URL;
  start(): Promise<void>;
  /** Accepts no more; waits for the connections that were handed out, then cuts them. Idempotent. */
  stop(options?: StopOptions): Promise<StopReport>;
  /** The next connection; undefined once the listener is stopped or has reached its accept limit. */
  nextConnection(): Promise<Connection | undefined>;
  /** Ends the handling of a connection: every one that was handed out must come back. */
  doneConnection(connection: Connection): void;
}
