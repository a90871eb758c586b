import { AcommError, checkFrameLength, decodeUtf8, defaultMaxFrameBytes, FrameDecoder } from "@acomm/protocol";
import { isAscii } from "node:buffer";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { nodeCodeOf, translateNodeError } from "./node-error.ts";
import { checkCount, checkTimeoutMs, waitFor } from "./wait.ts";
import type { WaitOptions } from "./transport.ts";

/** The limits of a connection. */
export interface ConnectionOptions {
  /** The longest frame that is read or written, in bytes. @default 16 MiB */
  readonly maxFrameBytes?: number | undefined;
  /** How long a frame may take from its first byte to its last, and a write to be taken, in milliseconds. @default 10 000 */
  readonly frameTimeoutMs?: number | undefined;
}

/** Gets what a connection reads, in the order in which it came. Nothing that it does may throw. */
export interface FrameReceiver {
  /** One frame's JSON text. */
  frame(text: string): void;
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
}

const headerBytes = 4;
const slabBytes = 64 * 1024;
/** Frames are encoded here and handed to the kernel; used by one flush at a time, and replaced while a write is pending. */
let slab: Buffer | undefined;

const nothing = Buffer.alloc(0);

/** How many frames are kept for {@link Connection.read} before the peer is held back. */
const readAhead = 16;
/** How much may be enqueued before it is written within the turn, in characters. */
const flushLength = 64 * 1024;
/** How long and how much the peer may go on to write after a close, in milliseconds and bytes; nobody reads it. */
const lingerMs = 1000;
const lingerBytes = 1024 * 1024;

/**
 * Frames over a byte stream: text in, text out. Reading is by {@link read}, or by a receiver that gets each frame as it
 * comes; writing gathers the frames of one turn of the event loop into one write.
 */
export class Connection {
  /** The byte stream below, for who needs its address or certificate; don't write to it. */
  readonly stream: Duplex;
  readonly #decoder: FrameDecoder;
  readonly #maxFrameBytes: number;
  readonly #frameTimeoutMs: number;
  readonly #reusesSlab: boolean;
  #receiver: FrameReceiver | undefined;
  #outbox: string[] = [];
  #outboxLength = 0;
  /** How much was given to the stream, in bytes. */
  #written = 0;
  #isScheduled = false;
  #isEnding = false;
  #isClosed = false;
  #hasInputEnded = false;
  #isPaused = false;
  #closeError: AcommError | undefined;
  #readTimer: NodeJS.Timeout | undefined;
  #writeTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #lingered = 0;
  #framesOfTurn = 0;
  readonly #flush = (): void => { this.flush(); };
  readonly #onFrame = (source: Uint8Array, start: number, end: number): void => { this.#handOver(source, start, end); };
  /** The chunk's text where all of it is ASCII: cutting it is cheaper than decoding each frame. */
  #chunkText: string | undefined;
  #chunk: Uint8Array | undefined;

  /**
   * @param stream a connected byte stream that is allowed to be half open and that nobody else reads or writes
   * @throws AcommError `bad_field`
   */
  constructor(stream: Duplex, options: ConnectionOptions = {}) {
    const { maxFrameBytes = defaultMaxFrameBytes, frameTimeoutMs = 10_000 } = options;
    this.stream = stream;
    this.#maxFrameBytes = checkCount(maxFrameBytes, "maxFrameBytes");
    this.#frameTimeoutMs = checkTimeoutMs(frameTimeoutMs, "frameTimeoutMs");
    this.#decoder = new FrameDecoder({ maxFrameBytes });
    // only a plain socket has given its bytes to the kernel when nothing is left to write
    this.#reusesSlab = stream instanceof Socket && !("encrypted" in stream);
    this.#isClosed = stream.closed;
    stream.on("error", (error) => {
      this.#closeError ??= translateNodeError(error, "connection");
    });
    stream.on("close", () => { this.#onClose(); });
    stream.on("drain", () => { this.#onDrain(); });
  }

  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the peer takes less than is written: whoever writes should wait for the drain. */
  get isBlocked(): boolean {
    return this.stream.writableNeedDrain;
  }

  /** Whether everything that was written is with the kernel. */
  get isFlushed(): boolean {
    return this.#outbox.length === 0 && this.stream.writableLength === 0 && this.stream.errored === null && !this.stream.destroyed;
  }

  /** Runs `then` when what was flushed is with the kernel; never where the connection fails before. */
  afterFlush(then: () => void): void {
    if (this.#isEnding) return;
    this.stream.write(nothing, (error) => {
      if (error == null) then();
    });
  }

  /** Starts reading; from now on every frame goes to the receiver. Called once, instead of {@link read}. */
  receive(receiver: FrameReceiver): void {
    if (this.#receiver !== undefined) throw new AcommError("bad_field", "the connection has a receiver already: either read() or receive(), once");
    this.#receiver = receiver;
    if (this.#isClosed) {
      receiver.closed(this.#closeError);
      return;
    }
    if (!this.#isEnding) this.#listen();
  }

  /**
   * The JSON text of the next frame, undefined at the end; the seed's `UnmarshalConnData`, to be given to `decodeRequest`
   * or `decodeResponse`.
   *
   * @throws AcommError `bad_frame`, `frame_too_large`, `bad_json`, `timeout`, `cancelled`; `unavailable` where the peer
   * broke off.
   */
  read(options: WaitOptions = {}): Promise<string | undefined> {
    const reader = (this.#receiver ??= this.#startReader());
    if (!(reader instanceof PullReader)) throw new AcommError("bad_field", "the connection has a receiver: frames go to it, not to read()");
    return reader.next(options);
  }

  /**
   * Writes one frame; resolves when it is with the kernel; the seed's `SendConnData`. A write that was given up may still
   * arrive.
   *
   * @param message JSON text
   * @throws AcommError `frame_too_large`, `unavailable`, `timeout`, `cancelled`
   */
  write(message: string, options: WaitOptions = {}): Promise<void> {
    this.#checkLength(message);
    return waitFor<undefined>("write a frame", options, (resolve, reject) => {
      if (this.#isClosed || this.#isEnding) {
        reject(this.#closeError ?? new AcommError("unavailable", "write a frame: the connection has ended"));
        return;
      }
      this.#outbox.push(message);
      this.flush((error) => {
        if (error == null) resolve(undefined);
        else reject(this.#closeError ?? translateNodeError(error, "write a frame"));
      });
      return;
    });
  }

  /** Adds a frame to what is written at the end of this turn. @throws AcommError `frame_too_large` */
  enqueue(text: string): void {
    if (text.length * 3 > this.#maxFrameBytes) this.#checkLength(text);
    this.enqueueAcknowledgement(text);
  }

  /** Like {@link enqueue}, for what the peer must get whatever the limit is. */
  enqueueAcknowledgement(text: string): void {
    if (this.#isClosed || this.#isEnding) return; // its receiver is told by closed()
    this.#outbox.push(text);
    this.#outboxLength += text.length;
    if (this.#outboxLength > flushLength) this.flush(); // so that a peer that takes nothing is noticed within the turn
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  /** Writes what was enqueued, now; `done` only where there is something. */
  flush(done?: (error: Error | null | undefined) => void): void {
    this.#isScheduled = false;
    const texts = this.#outbox;
    if (texts.length === 0 || this.#isClosed) return;
    this.#outbox = [];
    this.#outboxLength = 0;
    let buffer = (slab ??= Buffer.allocUnsafeSlow(slabBytes));
    let filled = 0;
    const last = texts.length - 1;
    for (let index = 0; index <= last; index += 1) {
      const text = texts[index] ?? "";
      const most = headerBytes + text.length * 3;
      if (filled + most > buffer.length) {
        if (filled > 0) buffer = this.#write(buffer, filled);
        filled = 0;
        if (most > slabBytes) {
          this.#writeLarge(text, index === last ? done : undefined);
          continue;
        }
      }
      const bytes = buffer.write(text, filled + headerBytes);
      buffer.writeUInt32BE(bytes, filled);
      filled += headerBytes + bytes;
      if (index === last) this.#write(buffer, filled, done);
    }
    if (this.stream.writableLength > 0) this.#watchWrite();
  }

  /** Holds the peer back: no frame is read until {@link resume}. Meanwhile no frame is late. */
  pause(): void {
    if (this.#isPaused || this.#isEnding) return;
    this.#isPaused = true;
    clearTimeout(this.#readTimer);
    this.#readTimer = undefined;
    this.stream.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isClosed) return;
    this.#watchFrame();
    this.stream.resume();
  }

  /**
   * Flushes, tells the peer that no more will come, and closes once the peer has ended as well, or after a second: a peer
   * that is still writing would lose what it has not read yet. Nothing more is read.
   */
  close(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.flush();
    this.#isEnding = true;
    clearTimeout(this.#readTimer);
    this.stream.end(() => { this.#linger(); });
    if (this.stream.writableLength > 0) this.#watchWrite();
    if (this.#receiver === undefined) this.#listen();
    else this.stream.resume();
  }

  /** Closes at once; what is not with the kernel is lost. */
  destroy(error?: AcommError): void {
    this.#closeError ??= error;
    this.#isEnding = true;
    this.stream.destroy();
  }

  /** Whether the process should stay alive for this connection. */
  setRef(keepsAlive: boolean): void {
    const socket = this.stream as Partial<Pick<Socket, "ref" | "unref">>;
    if (keepsAlive) socket.ref?.();
    else socket.unref?.();
  }

  #listen(): void {
    this.stream.on("data", (chunk: Buffer) => { this.#onData(chunk); });
    this.stream.on("end", () => { this.#onEnd(); });
    this.stream.resume();
  }

  #startReader(): PullReader {
    const reader = new PullReader(this);
    this.receive(reader);
    return reader;
  }

  #checkLength(text: string): void {
    // nothing is shorter in bytes than in characters, so most texts need no count
    checkFrameLength(text.length * 3 <= this.#maxFrameBytes ? text.length : Buffer.byteLength(text), this.#maxFrameBytes);
  }

  /** Writes the slab and gives the buffer to go on with. */
  #write(buffer: Buffer, filled: number, done?: (error: Error | null | undefined) => void): Buffer {
    this.#written += filled;
    if (!this.#reusesSlab) {
      this.stream.write(Buffer.from(buffer.subarray(0, filled)), done);
      return buffer;
    }
    this.stream.write(buffer.subarray(0, filled), done);
    if (this.stream.writableLength > 0) slab = Buffer.allocUnsafeSlow(slabBytes);
    return (slab ??= Buffer.allocUnsafeSlow(slabBytes));
  }

  #writeLarge(text: string, done?: (error: Error | null | undefined) => void): void {
    const bytes = Buffer.byteLength(text);
    const frame = Buffer.allocUnsafeSlow(headerBytes + bytes);
    frame.writeUInt32BE(bytes, 0);
    frame.write(text, headerBytes);
    this.#written += frame.length;
    this.stream.write(frame, done);
  }

  #onData(chunk: Buffer): void {
    if (this.#isEnding) {
      this.#lingered += chunk.length;
      if (this.#lingered > lingerBytes) this.stream.pause();
      return;
    }
    this.#framesOfTurn = 0;
    this.#chunk = chunk;
    this.#chunkText = isAscii(chunk) ? chunk.toString("latin1") : undefined;
    let broken: AcommError | undefined;
    try {
      this.#decoder.scan(chunk, this.#onFrame);
    } catch (error) {
      broken = error as AcommError;
    }
    this.#chunk = this.#chunkText = undefined;
    this.#watchFrame();
    this.#receiver?.turnEnded();
    if (broken !== undefined) this.#onBrokenFraming(broken);
  }

  #handOver(source: Uint8Array, start: number, end: number): void {
    this.#framesOfTurn += 1;
    if (this.#isEnding) return; // closed by an earlier frame of this chunk: what follows is not taken
    if (this.#chunkText !== undefined && source === this.#chunk) {
      this.#receiver?.frame(this.#chunkText.slice(start, end));
      return;
    }
    const bytes = start === 0 && end === source.length ? source : source.subarray(start, end);
    let text: string;
    try {
      text = isAscii(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1") : decodeUtf8(bytes);
    } catch (error) {
      this.#receiver?.unreadable(error as AcommError);
      return;
    }
    this.#receiver?.frame(text);
  }

  /** An incomplete frame has an absolute deadline, so that a slow drip doesn't hold a connection. */
  #watchFrame(): void {
    if (this.#readTimer !== undefined && (this.#framesOfTurn > 0 || !this.#decoder.isPartial)) {
      clearTimeout(this.#readTimer);
      this.#readTimer = undefined;
    }
    if (!this.#decoder.isPartial || this.#isEnding || this.#isPaused) return;
    this.#readTimer ??= setTimeout(() => {
      this.#onBrokenFraming(new AcommError("timeout", `a frame was not complete within ${this.#frameTimeoutMs} ms of its first byte`));
    }, this.#frameTimeoutMs);
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
    else this.#lingerTimer ??= setTimeout(() => { this.stream.destroy(); }, Math.min(lingerMs, this.#frameTimeoutMs));
  }

  #inputOver(): void {
    if (this.#hasInputEnded) return;
    this.#hasInputEnded = true;
    this.#receiver?.inputEnded();
  }

  /** Why the connection ends, where it is known. */
  get closeError(): AcommError | undefined {
    return this.#closeError;
  }

  /** A peer that takes nothing holds its connection no longer than a frame may take. */
  #watchWrite(): void {
    if (this.#writeTimer !== undefined) return;
    const goal = this.#written;
    this.#writeTimer = setTimeout(() => {
      this.#writeTimer = undefined;
      const left = this.stream.writableLength;
      if (left > 0 && this.#written - left < goal) this.destroy(new AcommError("timeout", `the peer did not take what was written within ${this.#frameTimeoutMs} ms`));
      else if (left > 0) this.#watchWrite();
    }, this.#frameTimeoutMs);
    this.#writeTimer.unref(); // the stream itself decides whether the process stays
  }

  #onDrain(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    this.#receiver?.drained();
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
    clearTimeout(this.#readTimer);
    clearTimeout(this.#writeTimer);
    clearTimeout(this.#lingerTimer);
    this.#outbox = [];
    this.#inputOver();
    this.#receiver?.closed(this.#closeError);
  }
}

/** Whether the peer went away with bytes of ours unread, so that it can't have accepted the last frame. */
export function leftUnread(error: AcommError | undefined): boolean {
  const code = nodeCodeOf(error?.cause);
  return code === "EPIPE" || code === "ECONNRESET";
}

/** Keeps the frames that came until somebody reads them. */
class PullReader implements FrameReceiver {
  readonly #connection: Connection;
  readonly #frames: (string | AcommError)[] = [];
  readonly #takers: (() => void)[] = [];
  #isOver = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  frame(text: string): void {
    this.#push(text);
  }

  unreadable(error: AcommError): void {
    this.#push(error);
  }

  turnEnded(): void {
    if (this.#frames.length >= readAhead) this.#connection.pause();
  }

  drained(): void {
    // each write waits for itself
  }

  inputEnded(): void {
    this.#isOver = true;
    for (const take of this.#takers.splice(0)) take();
  }

  closed(): void {
    this.inputEnded();
  }

  next(options: WaitOptions): Promise<string | undefined> {
    return waitFor<string | undefined>("read a frame", options, (resolve, reject) => {
      const take = (): void => {
        const frame = this.#frames.shift();
        if (this.#frames.length < readAhead) this.#connection.resume();
        const error = typeof frame === "string" ? undefined : (frame ?? this.#connection.closeError);
        if (error === undefined) resolve(frame as string | undefined);
        else reject(error);
      };
      if (this.#frames.length > 0 || this.#isOver) {
        take();
        return;
      }
      this.#takers.push(take);
      return () => { this.#takers.splice(this.#takers.indexOf(take), 1); };
    });
  }

  #push(frame: string | AcommError): void {
    this.#frames.push(frame);
    this.#takers.shift()?.();
  }
}
