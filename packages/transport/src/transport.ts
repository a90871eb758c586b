import type { Acknowledgement, AcommError, AcommUrl, CallFrames, RequestAsks } from "@acomm/protocol";
import type { Readable } from "node:stream";
import type { FrameReceiver } from "./connection.ts";
import type { StreamSource } from "./stream-writer.ts";

/** How long to wait. */
export interface WaitOptions {
  /** Ends the wait with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** 1 to 2^31-1; then it ends with `timeout`. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A message on its way. The transport asks for its text when it can write it, then calls `accepted` and `answered`, or `failed`,
 * once at most.
 */
export interface OutgoingMessage {
  /** Names it on the connection; read after `encode`. */
  readonly id: string;
  /** Whether it may be answered on the connection (wire 2.8). */
  readonly takesReply: boolean;
  /** Nobody waits for it any more: don't send it. */
  readonly isSettled: boolean;
  /** Given up by who asked: tell the receiver (wire 2.4). @default false */
  readonly isCancelled?: boolean;
  /** What its text asks for, for headers and the like; read after `encode`. @default nothing */
  readonly asks?: Pick<RequestAsks, "timeoutMs" | "trace"> | undefined;
  /** Set by the transport. */
  carrier: MessageCarrier | undefined;
  /** @internal How often its connection ended without an acknowledgement. */
  attempts: number;
  /**
   * Its JSON. Give an id that is free on the connection where the answer surely comes there: it needs no hook then, and is found
   * fastest.
   */
  encode(freeId: string | undefined): string;
  /**
   * @internal The text of its frame, with an id that ends in this number, where the answer surely comes on the connection. Header and
   * number are blank in it: whoever writes it fills them in. @default `encode`
   */
  encodeFrame?(frames: CallFrames, number: number): string;
  /** The receiver took it; `answersHere`: the answer will come through {@link answered}. */
  accepted(answersHere: boolean): void;
  /** The text of its answer on the same connection. */
  answered(text: string): void;
  /**
   * The result of a plain success, as JSON; false where it can't be read, and {@link answered} gets the whole. @default always
   * {@link answered}
   */
  succeeded?(resultText: string): boolean;
  /** Progress on the same connection (wire 2.6): any JSON value. @default it is dropped */
  progressed?(value: unknown): void;
  /** It was refused, not sent, or its connection ended before the answer. */
  failed(error: AcommError): void;
  /** A late or second answer came, to no message; told to who sent last. */
  strayAnswer(): void;
}

/** The connection of a message. */
export interface MessageCarrier {
  /** Nobody waits for its answer any more. */
  forget(message: OutgoingMessage): void;
}

/** Carries messages and streams for URL schemes. It knows nothing of tasks. */
export interface Transport {
  /** In lower case, without colon. */
  readonly schemes: readonly string[];
  /**
   * Delivers a message and gives its acknowledgement.
   *
   * @throws `unavailable` where it surely was not accepted, `ambiguous` where it may have been, `timeout`, `cancelled`,
   * `overloaded`, `bad_address`, `frame_too_large`
   */
  send(url: AcommUrl, text: string, options: WaitOptions): Promise<Acknowledgement>;
  /** Delivers a message whose answer may come back on the same connection, where the scheme can do that. */
  call?(url: AcommUrl, message: OutgoingMessage): void;
  /** Opens a stream to read. @throws `unavailable`, `timeout`, `cancelled`, `forbidden_target` */
  openStream(url: AcommUrl, options: StreamOptions): Promise<Readable>;
  /** Whether somebody listens, where that can be found out without sending. @throws where it can't be */
  probe?(url: AcommUrl): Promise<boolean>;
  /** Closes what is kept open. What is on its way fails with `stopping`. */
  close(): Promise<void>;
}

/** How a stream is read. */
export interface StreamOptions extends WaitOptions {
  /** How long it may be silent; then it fails with `timeout`. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
  /** @internal How much is read at once, where the transport can choose. @default what is best for a relay */
  readonly readBytes?: number | undefined;
}

/** What every `stop` takes. */
export interface StopOptions {
  /** How long to wait for what is under way before it is cut; 0 to 2^31-1. @default 10 000 */
  readonly graceMs?: number | undefined;
}

/** A request that a stop has cut. */
export interface CutWork {
  /** Its id. */
  readonly id: string;
  /** Its task. */
  readonly task: string;
  /** How long it was under way or waited. */
  readonly ageMs: number;
}

/** What a stop had to cut. */
export interface StopReport {
  /** Requests without an outcome. */
  readonly cut: readonly CutWork[];
  /** Connections destroyed with work on them. */
  readonly cutConnections: number;
}

/**
 * Where messages come in: of unix sockets, memory, HTTP, or by {@link createStreamListener} or {@link createMessageListener}.
 * `serve` and trackers take any.
 */
export interface Listener extends AsyncDisposable {
  /** What callers send to; known after the start at the latest. */
  readonly url: URL;
  /** Callers reach it when this has resolved. Idempotent. */
  start(): Promise<void>;
  /** Accepts no more, waits for the connections that were handed out, then cuts them. Idempotent. */
  stop(options?: StopOptions): Promise<StopReport>;
  /** Undefined once it is stopped or has reached its accept limit. */
  nextConnection(): Promise<IncomingConnection | undefined>;
  /** Every connection that was handed out must come back. */
  doneConnection(connection: IncomingConnection): void;
}

/** One who sends: a {@link Connection} or a {@link MessageConnection}, nothing else. */
export interface IncomingConnection {
  /** Whether it is over. */
  readonly isClosed: boolean;
  /** Why it ended, where that is known. */
  readonly closeError: AcommError | undefined;
  /** @internal Whether the peer takes less than is written: whoever writes should wait for the drain. */
  readonly isBlocked: boolean;
  /** @internal Whether every acknowledgement is as far on its way that what it acknowledges may begin. */
  readonly isFlushed: boolean;
  /** @internal When the message at hand, or the last one, came, on the clock of `performance.now()`. */
  readonly usedAt: number;
  /** @internal Whether answers can go back on it (wire 2.8). @default true */
  readonly carriesAnswers?: boolean;
  /** @internal What belongs to the message at hand and comes back with its answer; for connections that must know which it answers. */
  readonly route?: unknown;
  /** @internal Whether its listener can hold so many bytes more. */
  refusal(bytes: number): AcommError | undefined;
  /** @internal Counts bytes that are held for this peer elsewhere, or fewer of them where `bytes` is negative. */
  hold(bytes: number): void;
  /** @internal From now on every message goes to the receiver. Called once, instead of {@link read}. */
  receive(receiver: FrameReceiver): void;
  /** @internal The text of the next message, undefined at the end. @throws what ended the connection, `timeout`, `cancelled` */
  read(options?: WaitOptions): Promise<string | undefined>;
  /**
   * @internal Acknowledges the oldest message that has no acknowledgement yet: accepted; `answersHere` where an answer to it will follow,
   * `lasts` where it is done with only when {@link settled} says so.
   */
  enqueueAccepted(answersHere?: boolean, lasts?: boolean): void;
  /** @internal The same with this text, an acceptance or a refusal. */
  enqueueAcknowledgement(text: string): void;
  /** @internal Writes an answer; `route` is that of the message that it answers. @throws `frame_too_large` */
  enqueue(text: string, route?: unknown): void;
  /** @internal Says how many answers are open, so that of many a part leaves before the turn ends. */
  setUnderWay?(exchanges: number): void;
  /** @internal Writes what was enqueued, now. */
  flush(): void;
  /** @internal Runs `then` when what was flushed is as far on its way as {@link isFlushed} says; never where the connection fails before. */
  afterFlush(then: () => void): void;
  /** @internal Hands over no more messages until {@link resume}. */
  pause(): void;
  /** @internal Hands over messages again. */
  resume(): void;
  /** @internal Takes no more messages, flushes and ends. */
  close(): void;
  /** @internal Ends at once. */
  destroy(error?: AcommError): void;
  /** @internal A request that was accepted is done with; false where its response could not be delivered and may be had again by another try. */
  settled?(route: unknown, isDelivered: boolean): void;
}

/** The bytes of a stream, or what opens them when the reader comes. */
export type LazyStreamSource = StreamSource | (() => StreamSource | Promise<StreamSource>);

/** How a stream is served. */
export interface ServedStreamOptions {
  /** How long to wait for the reader. @default 30 000 */
  readonly openTimeoutMs?: number | undefined;
  /** How long reader or source may do nothing. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
}

/** A stream that waits for its one reader. */
export interface ServedStream {
  /** Where to read it. */
  readonly url: AcommUrl;
  /** Settles when it was read, or rejects with `timeout`, `truncated_stream` or the source's error. */
  readonly done: Promise<void>;
  /** Ends it; its reader sees a cut stream. */
  cancel(): void;
}

/** Serves streams, the counterpart of {@link Transport.openStream}. A tracker takes any. */
export interface StreamServer {
  /** Serves a source to one reader. @throws `bad_field`, `bad_address`, `unavailable`, `stopping` */
  serveStream(source: LazyStreamSource, options?: ServedStreamOptions): Promise<ServedStream>;
}
