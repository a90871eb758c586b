import { AcommError, checkFrameLength } from "@acomm/protocol";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Told how a write ended. */
export type WriteDone = (error: Error | null | undefined) => void;

const headerBytes = 4;
const slabBytes = 64 * 1024;
/** Frames are encoded here and handed to the kernel; used by one flush at a time, and replaced while a write is pending. */
let slab: Buffer | undefined;
const nothing = Buffer.alloc(0);
/** How much may be enqueued before it is written within the turn, in characters. */
const flushLength = 64 * 1024;

/**
 * The writing side of a connection: gathers the frames of one turn of the event loop into one write, and gives a peer up
 * that takes nothing for the time that a frame may take.
 */
export class FrameWriter {
  readonly #stream: Duplex;
  readonly #maxFrameBytes: number;
  readonly #frameTimeoutMs: number;
  readonly #onStalled: (error: AcommError) => void;
  readonly #reusesSlab: boolean;
  #outbox: string[] = [];
  #outboxLength = 0;
  /** How much was given to the stream, in bytes. */
  #written = 0;
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #flush = (): void => { this.flush(); };

  constructor(stream: Duplex, options: { readonly maxFrameBytes: number; readonly frameTimeoutMs: number }, onStalled: (error: AcommError) => void) {
    this.#stream = stream;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#frameTimeoutMs = options.frameTimeoutMs;
    this.#onStalled = onStalled;
    // only a plain socket has given its bytes to the kernel when nothing is left to write
    this.#reusesSlab = stream instanceof Socket && !("encrypted" in stream);
  }

  /** Whether everything is with the kernel. */
  get isFlushed(): boolean {
    return this.#outbox.length === 0 && this.#stream.writableLength === 0 && this.#stream.errored === null && !this.#stream.destroyed;
  }

  /** @throws AcommError `frame_too_large`, `bad_frame` where the text is empty. */
  check(text: string): void {
    // nothing is shorter in bytes than in characters, so most texts need no count
    checkFrameLength(text.length * 3 <= this.#maxFrameBytes ? text.length : Buffer.byteLength(text), this.#maxFrameBytes);
  }

  /** Adds a frame to what is written at the end of this turn. */
  enqueue(text: string): void {
    this.#outbox.push(text);
    this.#outboxLength += text.length;
    if (this.#outboxLength > flushLength) this.flush(); // so that a peer that takes nothing is noticed within the turn
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  /** Writes a frame now, with what was enqueued before it. */
  write(text: string, done: WriteDone): void {
    this.#outbox.push(text);
    this.flush(done);
  }

  /** Writes what was enqueued, now; `done` only where there is something. */
  flush(done?: WriteDone): void {
    this.#isScheduled = false;
    const texts = this.#outbox;
    if (texts.length === 0) return;
    this.#outbox = [];
    this.#outboxLength = 0;
    let buffer = (slab ??= Buffer.allocUnsafeSlow(slabBytes));
    let filled = 0;
    const last = texts.length - 1;
    for (let index = 0; index <= last; index += 1) {
      const text = texts[index] ?? "";
      const most = headerBytes + text.length * 3;
      if (filled + most > buffer.length) {
        if (filled > 0) buffer = this.#writeSlab(buffer, filled);
        filled = 0;
        if (most > slabBytes) {
          this.#writeLarge(text, index === last ? done : undefined);
          continue;
        }
      }
      const bytes = buffer.write(text, filled + headerBytes);
      buffer.writeUInt32BE(bytes, filled);
      filled += headerBytes + bytes;
      if (index === last) this.#writeSlab(buffer, filled, done);
    }
    this.watch();
  }

  /** Runs `then` when what was flushed is with the kernel; never where the connection fails before. */
  afterFlush(then: () => void): void {
    this.#stream.write(nothing, (error) => {
      if (error == null) then();
    });
  }

  /** Gives the peer the time that a frame may take to take what is written. */
  watch(): void {
    if (this.#timer !== undefined || this.#stream.writableLength === 0) return;
    const goal = this.#written;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const left = this.#stream.writableLength;
      if (left > 0 && this.#written - left < goal) this.#onStalled(new AcommError("timeout", `the peer did not take what was written within ${this.#frameTimeoutMs} ms`));
      else this.watch();
    }, this.#frameTimeoutMs);
    this.#timer.unref(); // the stream itself decides whether the process stays
  }

  /** What was written has been taken. */
  drained(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets what was not written. */
  close(): void {
    this.drained();
    this.#outbox = [];
  }

  /** Writes the slab and gives the buffer to go on with. */
  #writeSlab(buffer: Buffer, filled: number, done?: WriteDone): Buffer {
    this.#written += filled;
    if (!this.#reusesSlab) {
      this.#stream.write(Buffer.from(buffer.subarray(0, filled)), done);
      return buffer;
    }
    this.#stream.write(buffer.subarray(0, filled), done);
    if (this.#stream.writableLength > 0) slab = Buffer.allocUnsafeSlow(slabBytes);
    return (slab ??= Buffer.allocUnsafeSlow(slabBytes));
  }

  #writeLarge(text: string, done?: WriteDone): void {
    const bytes = Buffer.byteLength(text);
    const frame = Buffer.allocUnsafeSlow(headerBytes + bytes);
    frame.writeUInt32BE(bytes, 0);
    frame.write(text, headerBytes);
    this.#written += frame.length;
    this.#stream.write(frame, done);
  }
}
