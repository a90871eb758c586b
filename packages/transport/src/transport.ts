import type { Acknowledgement, AcommError, AcommUrl, RequestAsks } from "@acomm/protocol";
import type { Readable } from "node:stream";
import type { FrameReceiver } from "./connection.ts";
import type { StreamSource } from "./stream-writer.ts";

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
  /** What a request asks for in its text, for schemes that have another place for it too, such as headers; read after `encode`. @default nothing */
  readonly asks?: Pick<RequestAsks, "timeoutMs" | "trace"> | undefined;
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
  /** The id of the request. */
  readonly id: string;
  /** The name of its task. */
  readonly task: string;
  /** How long it had been under way or waited, in milliseconds. */
  readonly ageMs: number;
}

/** What a stop had to cut: empty where all was done in time. */
export interface StopReport {
  /** The requests that had no outcome yet. */
  readonly cut: readonly CutWork[];
  /** How many connections were destroyed with work on them. */
  readonly cutConnections: number;
}

/** Where messages come in. `serve` and a tracker take any: `UnixListener`, those of memory and HTTP, or one of your own. */
export interface Listener extends AsyncDisposable {
  /** The URL that callers send to; one that the start finds is there after it. */
  readonly url: URL;
  /** Begins to listen; callers reach it when this has resolved. Idempotent. */
  start(): Promise<void>;
  /** Accepts no more; waits for the connections that were handed out, then cuts them. Idempotent. */
  stop(options?: StopOptions): Promise<StopReport>;
  /** The next connection; undefined once the listener is stopped or has reached its accept limit. */
  nextConnection(): Promise<IncomingConnection | undefined>;
  /** Ends the handling of a connection: every one that was handed out must come back. */
  doneConnection(connection: IncomingConnection): void;
}

/**
 * A way by which messages come in and their acknowledgements and answers go back: a connection, or what stands for one where
 * there are none, such as all messages of one sender, or a single exchange. `Connection` is one over a byte stream,
 * `MessageConnection` one over whatever carries messages.
 */
export interface IncomingConnection {
  /** Whether the connection is over. */
  readonly isClosed: boolean;
  /** Why the connection ends, where it is known. */
  readonly closeError: AcommError | undefined;
  /** Whether the peer takes less than is written: whoever writes should wait for the drain. */
  readonly isBlocked: boolean;
  /** Whether every acknowledgement is as far on its way that what it acknowledges may begin. */
  readonly isFlushed: boolean;
  /** When the message at hand, or the last one, came, on the clock of `performance.now()`. */
  readonly usedAt: number;
  /** Whether answers can go back on it (wire 2.8). @default true */
  readonly carriesAnswers?: boolean;
  /** What belongs to the message at hand and comes back with its answer; for connections that must know which it answers. */
  readonly route?: unknown;
  /** Whether its listener can hold so many bytes more. */
  hasRoomFor(bytes: number): boolean;
  /** Counts bytes that are held for this peer elsewhere, or fewer of them where `bytes` is negative. */
  hold(bytes: number): void;
  /** From now on every message goes to the receiver. Called once, instead of {@link read}. */
  receive(receiver: FrameReceiver): void;
  /** The text of the next message, undefined at the end. @throws AcommError what ended the connection, `timeout`, `cancelled` */
  read(options?: WaitOptions): Promise<string | undefined>;
  /**
   * Acknowledges the oldest message that has no acknowledgement yet: accepted; `answersHere` where an answer to it will follow,
   * `lasts` where it is done with only when {@link settled} says so.
   */
  enqueueAccepted(answersHere?: boolean, lasts?: boolean): void;
  /** The same with this text, an acceptance or a refusal. */
  enqueueAcknowledgement(text: string): void;
  /** Writes an answer; `route` is that of the message that it answers. @throws AcommError `frame_too_large` */
  enqueue(text: string, route?: unknown): void;
  /** Says how many answers are open, so that of many a part leaves before the turn ends. */
  setUnderWay?(exchanges: number): void;
  /** Writes what was enqueued, now. */
  flush(): void;
  /** Runs `then` when what was flushed is as far on its way as {@link isFlushed} says; never where the connection fails before. */
  afterFlush(then: () => void): void;
  /** Hands over no more messages until {@link resume}. */
  pause(): void;
  /** Hands over messages again. */
  resume(): void;
  /** Takes no more messages, flushes and ends. */
  close(): void;
  /** Ends at once. */
  destroy(error?: AcommError): void;
  /** A request that was accepted is done with; false where its response could not be delivered and may be had again by another try. */
  settled?(route: unknown, isDelivered: boolean): void;
}

/** What a stream is made of: its bytes, or what opens them when the reader comes. */
export type LazyStreamSource = StreamSource | (() => StreamSource | Promise<StreamSource>);

/** How a stream is served. */
export interface ServedStreamOptions {
  /** How long a reader may be awaited, in milliseconds. @default 30 000 */
  readonly openTimeoutMs?: number | undefined;
  /** How long the reader may take nothing, or the source give nothing, in milliseconds. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
}

/** A stream that waits for its one reader. */
export interface ServedStream {
  /** Where to read it, with the transport of its scheme. */
  readonly url: AcommUrl;
  /** Settles when the stream was read, or fails with what became of it: `timeout`, `truncated_stream`, the source's error. */
  readonly done: Promise<void>;
  /** Ends it now: the reader, if there is one, sees a cut stream. */
  cancel(): void;
}

/** Serves streams, the counterpart of {@link Transport.openStream}. A tracker takes any. */
export interface StreamServer {
  /** Serves a source to one reader. @throws AcommError `bad_field`, `bad_address`, `unavailable`, `stopping` */
  serveStream(source: LazyStreamSource, options?: ServedStreamOptions): Promise<ServedStream>;
}
