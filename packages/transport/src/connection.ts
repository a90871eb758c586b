import { AcommError, defaultMaxFrameBytes, FrameDecoder, headerPlace, noteBytes } from "@acomm/protocol";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import type { ByteBudget } from "./byte-budget.ts";
import { takeChunks } from "./chunks.ts";
import { hasAsciiFrames, textOfFrame } from "./frame-text.ts";
import { FrameWriter } from "./frame-writer.ts";
import { nodeCodeOf, translateNodeError } from "./node-error.ts";
import { PullReader, takenError } from "./pull-reader.ts";
import { ReadDeadline } from "./read-deadline.ts";
import { checkCount, checkTimeoutMs, waitFor } from "./wait.ts";
import { heavyBytes, WaitingFrames } from "./waiting-frames.ts";
import type { IncomingConnection, WaitOptions } from "./transport.ts";

/** The limits of a connection. */
export interface ConnectionOptions {
  /** The longest frame. @default 16 MiB */
  readonly maxFrameBytes?: number | undefined;
  /** How long a frame may take from its first byte to its last, and a write to be taken. @default 10 000 */
  readonly frameTimeoutMs?: number | undefined;
  /** How long the four bytes of a frame's header may take, and a new connection to a listener may be silent. @default 5000 */
  readonly headerTimeoutMs?: number | undefined;
}

/** Checks what is given of the limits. @throws `bad_field` */
export function checkConnectionOptions(options: ConnectionOptions): Required<{ [Key in keyof ConnectionOptions]: number }> {
  return {
    maxFrameBytes: checkCount(options.maxFrameBytes ?? defaultMaxFrameBytes, "maxFrameBytes"),
    frameTimeoutMs: checkTimeoutMs(options.frameTimeoutMs ?? 10_000, "frameTimeoutMs"),
    headerTimeoutMs: checkTimeoutMs(options.headerTimeoutMs ?? 5000, "headerTimeoutMs"),
  };
}

/** @internal Gets what a connection reads, in the order in which it came. Nothing that it does may throw. */
export interface FrameReceiver {
  /** One frame: its JSON stands in the text from `start` to `end`. */
  frame(text: string, start: number, end: number): void;
  /** One frame that is not text; the framing is intact, more may come. */
  unreadable(error: AcommError): void;
  /** All frames of one chunk were handed over. */
  turnEnded(): void;
  /** What was written has been taken; called only after `isBlocked` was true. */
  drained(): void;
  /** The peer writes no more. */
  inputEnded(): void;
  /** The connection is over; the error says why where it did not end in order. Called once, last. */
  closed(error: AcommError | undefined): void;
  /** Whether nothing is under way, so that the connection may be ended to make room for another one. @default never */
  readonly isIdle?: boolean;
}

/** How long and how much the peer may go on to write after a close, in milliseconds and bytes; nobody reads it. */
const lingerMs = 1000;
const lingerBytes = 1024 * 1024;

/** Frames over a byte stream: text in, text out. What is written in one turn of the event loop goes out together. */
export class Connection implements IncomingConnection {
  /** @internal The list of its listener; it is an item of that. So are the next two. */
  list: object | undefined;
  /** @internal */
  previous: Connection | undefined;
  /** @internal */
  next: Connection | undefined;
  /** The byte stream below, for its address or certificate; don't write to it. */
  readonly stream: Duplex;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #maxFrameBytes: number;
  readonly #lingerMs: number;
  readonly #deadline: ReadDeadline;
  /** What the listener counts that has accepted it; undefined where it was connected from here. */
  readonly #budget: ByteBudget | undefined;
  /** What of the budget its incomplete frame and its unwritten frames take. */
  #countedBytes = 0;
  #usedAt = 0;
  #receiver: FrameReceiver | undefined;
  #isEnding = false;
  #isClosed = false;
  #hasInputEnded = false;
  #isPaused = false;
  #closeError: AcommError | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #lingered = 0;
  /** Whether the chunk at hand has completed a frame. */
  #hasFrame = false;
  readonly #onFrame = (source: Uint8Array, start: number, end: number): void => { this.#handOver(source, start, end); };
  /** The chunk's text where all its frames are ASCII, else empty: cutting it is cheaper than decoding each frame. */
  #chunkText: string | undefined;
  #chunk: Buffer | undefined;
  /** What is handed over when this turn of the loop has ended; nothing is read until then. */
  #waiting: WaitingFrames | undefined;
  #underWay = 0;

  /** @param stream connected, allowed to be half open, read and written by nobody else @throws `bad_field` */
  constructor(stream: Duplex, options?: ConnectionOptions);
  /** @internal With the budget of the listener that has accepted it: its peer then owes a first frame. */
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- the published types have the other one alone
  constructor(stream: Duplex, options?: ConnectionOptions, budget?: ByteBudget);
  constructor(stream: Duplex, options: ConnectionOptions = {}, budget?: ByteBudget) {
    const limits = checkConnectionOptions(options);
    const { maxFrameBytes, frameTimeoutMs } = limits;
    this.stream = stream;
    this.#maxFrameBytes = maxFrameBytes;
    this.#lingerMs = Math.min(lingerMs, frameTimeoutMs);
    this.#budget = budget;
    this.#decoder = new FrameDecoder({ maxFrameBytes });
    this.#deadline = new ReadDeadline(this.#decoder, limits, (error) => { this.#onBrokenFraming(error); });
    this.#writer = new FrameWriter(stream, { maxFrameBytes, frameTimeoutMs }, {
      stalled: (error) => { this.destroy(error); },
      drained: () => {
        this.#count();
        this.#receiver?.drained();
      },
    });
    this.#isClosed = stream.closed;
    stream.on("error", (error) => {
      this.#closeError ??= translateNodeError(error, "connection");
    });
    stream.on("close", () => { this.#onClose(); });
    stream.on("drain", () => { this.#writer.drained(); });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @internal Whether the peer takes less than is written, by more than half a MiB: whoever writes should wait for the drain. */
  get isBlocked(): boolean {
    return this.#writer.isBlocked;
  }

  /** @internal Whether everything that was written is with the kernel. */
  get isFlushed(): boolean {
    return this.#writer.isFlushed;
  }

  /** @internal How often something was written. */
  get writes(): number {
    return this.#writer.writes;
  }

  /** @internal Whether a write has failed before a single byte of it was taken, and so will all that follow. */
  get hasFailedAtOnce(): boolean {
    return this.#writer.hasFailedAtOnce;
  }

  /** @internal For how long the peer has been connected without a single byte, in milliseconds; 0 once one is here. */
  get silentMs(): number {
    return this.#deadline.silentMs;
  }

  /** @internal When the chunk at hand, or the last one, came, on the clock of `performance.now()`; only of accepted connections. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** @internal Whether nothing is under way: all frames are complete, all answers written and taken. */
  get isIdle(): boolean {
    return this.#receiver?.isIdle === true && !this.#decoder.isPartial && this.#waiting === undefined && this.isFlushed;
  }

  /** @internal Why its listener can't hold so many bytes more, undefined where it can. */
  refusal(bytes: number): AcommError | undefined {
    return this.#budget?.refusal(bytes);
  }

  /** @internal Counts bytes that are held for this peer elsewhere, or fewer of them where `bytes` is negative. */
  hold(bytes: number): void {
    this.#budget?.add(bytes);
  }

  /** @internal Runs `then` when what was flushed is with the kernel; never where the connection fails before. */
  afterFlush(then: () => void): void {
    if (!this.#isEnding) this.#writer.afterFlush(then);
  }

  /** @internal Starts reading; from now on every frame goes to the receiver. Called once, instead of {@link read}. */
  receive(receiver: FrameReceiver): void {
    if (this.#receiver !== undefined) throw takenError();
    this.#receiver = receiver;
    if (this.#isClosed) {
      receiver.closed(this.#closeError);
      return;
    }
    if (!this.#isEnding) this.#listen();
  }

  /**
   * The text of the next frame, undefined at the end; the seed's `UnmarshalConnData`.
   *
   * @throws `bad_frame`, `frame_too_large`, `bad_json`, `timeout`, `cancelled`; `unavailable` where the peer broke off
   */
  read(options: WaitOptions = {}): Promise<string | undefined> {
    const reader = (this.#receiver ??= this.#startReader());
    if (!(reader instanceof PullReader)) throw takenError();
    return reader.next(options);
  }

  /**
   * Writes a frame of JSON; resolves when the kernel has it; the seed's `SendConnData`. One that was given up may still arrive.
   *
   * @throws `frame_too_large`, `unavailable`, `timeout`, `cancelled`
   */
  write(message: string, options: WaitOptions = {}): Promise<void> {
    this.#writer.check(message);
    return waitFor<undefined>("write a frame", options, (resolve, reject) => {
      if (this.#isClosed || this.#isEnding) {
        reject(this.#closeError ?? new AcommError("unavailable", "write a frame: the connection has ended"));
        return;
      }
      this.#writer.write(message, (error) => {
        if (error == null) resolve(undefined);
        else reject(this.#closeError ?? translateNodeError(error, "write a frame"));
      });
      return;
    });
  }

  /** @internal Adds the acknowledgement that says nothing but "accepted" to what is written at the end of this turn. */
  enqueueAccepted(): void {
    if (!this.#isClosed && !this.#isEnding) this.#writer.enqueueAccepted();
  }

  /** @internal Says how many exchanges are under way; of many, a part is written before the turn ends, and heavy frames wait for it. */
  setUnderWay(exchanges: number): void {
    this.#underWay = exchanges;
    this.#writer.setUnderWay(exchanges);
  }

  /**
   * @internal Adds a frame to what is written at the end of this turn. @throws `frame_too_large`
   *
   * @param number where it isn't 0, the text has a place for the header, and this number is blank in it
   */
  enqueue(text: string, number = 0): void {
    if (text.length * 3 > this.#maxFrameBytes) this.#writer.check(number === 0 ? text : text.slice(headerPlace.length));
    this.enqueueAcknowledgement(text, number);
  }

  /** @internal Like {@link enqueue}, for what the peer must get whatever the limit is. */
  enqueueAcknowledgement(text: string, number = 0): void {
    if (!this.#isClosed && !this.#isEnding) this.#writer.enqueue(text, number); // else its receiver is told by closed()
  }

  /** @internal Writes what was enqueued, now. */
  flush(): void {
    if (!this.#isClosed) this.#writer.flush();
  }

  /** @internal Holds the peer back: no frame is read until {@link resume}. Meanwhile no frame is late. */
  pause(): void {
    if (this.#isPaused || this.#isEnding) return;
    this.#isPaused = true;
    this.#deadline.pause();
    this.#count();
    this.stream.pause();
  }

  /** @internal Reads on after `pause`. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isClosed) return;
    this.#deadline.resume();
    if (this.#waiting === undefined) this.stream.resume();
  }

  /** Flushes, and closes when the peer has ended too, or after a second. Nothing more is read. */
  close(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.flush();
    this.#isEnding = true;
    this.#deadline.end();
    this.#decoder.reset();
    this.#count();
    this.stream.end(() => { this.#linger(); });
    this.#writer.watch();
    if (this.#receiver === undefined) this.#listen();
    else this.stream.resume();
  }

  /** @internal Ends it in order, so that its listener has room for another one; its peer is told why where it has heard nothing yet. */
  makeRoom(error: AcommError): void {
    if (this.silentMs > 0) {
      this.#onBrokenFraming(error);
    } else {
      this.#inputOver();
      this.close();
    }
  }

  /** Closes at once; what is not with the kernel is lost. */
  destroy(error?: AcommError): void {
    this.#closeError ??= error;
    this.#isEnding = true;
    this.stream.destroy();
  }

  /** @internal Whether the process should stay alive for this connection. */
  setRef(keepsAlive: boolean): void {
    const socket = this.stream as Partial<Pick<Socket, "ref" | "unref">>;
    if (keepsAlive) socket.ref?.();
    else socket.unref?.();
  }

  #listen(): void {
    takeChunks(this.stream, (chunk) => {
      this.#onData(chunk);
      return true; // whoever wants no more pauses
    });
    this.stream.on("end", () => { this.#onEnd(); });
    if (!this.#isEnding) this.#deadline.start(this.#budget !== undefined);
    this.stream.resume();
  }

  #startReader(): PullReader {
    const reader = new PullReader(this);
    this.receive(reader);
    return reader;
  }

  #onData(chunk: Buffer): void {
    if (this.#isEnding) {
      this.#lingered += chunk.length;
      if (this.#lingered > lingerBytes) this.stream.pause();
      return;
    }
    if (this.#budget !== undefined) this.#usedAt = performance.now();
    this.#hasFrame = false;
    this.#chunk = chunk;
    let broken: AcommError | undefined;
    try {
      this.#decoder.scan(chunk, this.#onFrame);
    } catch (error) {
      broken = error as AcommError;
    }
    this.#chunk = this.#chunkText = undefined;
    noteBytes("");
    this.#deadline.moved(this.#hasFrame);
    if (this.#budget !== undefined && (this.#decoder.isPartial || this.#countedBytes > 0)) broken ??= this.#countFrame(this.#budget);
    this.#receiver?.turnEnded();
    if (broken !== undefined) this.#onBrokenFraming(broken);
  }

  #handOver(source: Uint8Array, start: number, end: number): void {
    this.#hasFrame = true;
    if (this.#countedBytes > 0) this.#count(); // what was incomplete is handed over
    if (this.#isEnding) return; // closed by an earlier frame of this chunk: what follows is not taken
    if (this.#waiting !== undefined || (end - start > heavyBytes && (this.#underWay > 1 || this.stream.writableLength > 0))) {
      this.#handOverLater(source, start, end);
      return;
    }
    const chunk = this.#chunk;
    if (source === chunk) {
      if (this.#chunkText === undefined) {
        this.#chunkText = hasAsciiFrames(chunk, start, end) ? chunk.toString("latin1") : "";
        noteBytes(this.#chunkText, chunk);
      }
      if (this.#chunkText !== "") {
        this.#receiver?.frame(this.#chunkText, start, end);
        return;
      }
    }
    let text: string;
    try {
      text = textOfFrame(source, start, end);
    } catch (error) {
      this.#receiver?.unreadable(error as AcommError);
      return;
    }
    this.#receiver?.frame(text, 0, text.length);
  }

  #handOverLater(source: Uint8Array, start: number, end: number): void {
    if (this.#waiting === undefined) {
      this.#waiting = new WaitingFrames();
      this.stream.pause();
      setImmediate(() => {
        this.#handOverWaiting();
        if (!this.#isPaused && !this.#isClosed) this.stream.resume();
      });
    }
    this.#waiting.add(source, start, end);
  }

  #handOverWaiting(): void {
    const waiting = this.#waiting;
    const receiver = this.#receiver;
    this.#waiting = undefined;
    if (waiting === undefined || receiver === undefined) return;
    waiting.handOver(receiver, () => !this.#isEnding);
    receiver.turnEnded();
  }

  /** Counts what is held for the peer by this connection. */
  #count(): void {
    if (this.#budget === undefined) return;
    const bytes = this.#isClosed ? 0 : this.#decoder.heldBytes + this.stream.writableLength;
    this.#budget.add(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  /** The error for an incomplete frame that has grown beyond what the listener may hold. */
  #countFrame(budget: ByteBudget): AcommError | undefined {
    this.#count();
    return this.#decoder.isPartial ? budget.refusal(0) : undefined;
  }

  /** Nothing more can be read: the receiver may say why in a last frame, then the connection ends. */
  #onBrokenFraming(error: AcommError): void {
    if (this.#isEnding) return;
    this.#closeError ??= error;
    this.#inputOver();
    this.close();
  }

  /** Everything is with the kernel: waits a little for the peer's end. */
  #linger(): void {
    if (this.#isClosed) return;
    if (this.stream.readableEnded || this.stream.errored !== null) this.stream.destroy();
    else this.#lingerTimer ??= setTimeout(() => { this.stream.destroy(); }, this.#lingerMs);
  }

  #inputOver(): void {
    if (this.#hasInputEnded) return;
    this.#hasInputEnded = true;
    this.#handOverWaiting();
    this.#receiver?.inputEnded();
  }

  get closeError(): AcommError | undefined {
    return this.#closeError;
  }

  #onEnd(): void {
    if (this.#isEnding) {
      if (this.stream.writableFinished) this.stream.destroy();
      return;
    }
    if (this.#decoder.isPartial) this.#closeError ??= new AcommError("bad_frame", `the peer ended the connection inside a frame, after ${this.#decoder.heldBytes} bytes of it`);
    this.#inputOver();
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deadline.end();
    this.#count();
    clearTimeout(this.#lingerTimer);
    this.#writer.close();
    this.#inputOver();
    this.#receiver?.closed(this.#closeError);
    // what is below a socket keeps it until the next full collection, and it would keep everything that hangs on this connection
    this.stream.removeAllListeners().on("error", ignore);
  }
}

function ignore(): void {
  // no stream should fail once it is closed
}

/** Whether everything that the peer wrote before it went away was read; where a write failed it may not have been. */
export function wasReadToItsEnd(error: AcommError | undefined): boolean {
  return error === undefined || (error.cause instanceof Error && (error.cause as NodeJS.ErrnoException).syscall === "read");
}

/** Whether the peer went away with bytes of ours unread, so that it can't have accepted the last frame. */
export function leftUnread(error: AcommError | undefined): boolean {
  const code = nodeCodeOf(error?.cause);
  return code === "EPIPE" || code === "ECONNRESET";
}
