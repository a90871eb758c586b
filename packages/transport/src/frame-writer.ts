import { acceptedText, AcommError, checkFrameLength, encodeFrame, headerPlace, numberEnd, takePieces } from "@acomm/protocol";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PatientTimer } from "./patient-timer.ts";

/** What a {@link FrameWriter} tells its connection. */
export interface FrameWriterOwner {
  /** The peer has taken nothing for the time that a frame may take. */
  stalled(error: AcommError): void;
  /** What was written has been taken, or so much of it that more may be written; called only after `isBlocked` was true. */
  drained(): void;
}

/** Told how a write ended. */
export type WriteDone = (error: Error | null | undefined) => void;

const headerBytes = 4;
const nothing = Buffer.alloc(0);
/** A frame of more characters is encoded by itself. */
const largeLength = 32 * 1024;
/** How much may wait to be taken, in bytes: with less, two processes would take turns over large frames instead of both being at work. */
const blockedBytes = 512 * 1024;
/** How much may be enqueued before it is written within the turn, in characters. */
const flushLength = 60 * 1024;
/**
 * Of the exchanges that are under way, so many parts at most are gathered for one write, and no fewer frames than these. With all
 * of them in one write the two processes would take turns; with fewer in each, waking the other would cost more than is won.
 */
const partsUnderWay = 4;
const leastGathered = 8;
/**
 * So many frames may wait for the end of the turn in which something was written already: where each handler or caller is woken by a
 * callback of its own, such as a timer's or another socket's, a write for each can cost more than the rest of the call.
 */
const mostGathered = 32;
/** What is noted of each frame: where its JSON begins in the text, its length, and the number that is blank in it. */
const spanSize = 3;
/** So much of the list of frames' places at most is kept for the next turn: a connection that rests has no use for it. */
const mostSpans = 512;
/** Those that have written in this turn of the loop. */
let written: FrameWriter[] = [];
/** Room for the text of most turns. */
const slabBytes = 128 * 1024;
/** A turn's text is encoded here and handed to the kernel; used by one flush at a time, and replaced while a write is pending. */
let slab: Buffer | undefined;

/** The memory of large frames that the kernel has taken, to be filled again. */
const spareFrames: Buffer[] = [];
const mostSpareFrames = 4;
const mostSpareBytes = 1024 * 1024;
/** Memory for a large frame has a whole number of these, so that it fits others of about its length. */
const spareStepBytes = 64 * 1024;

/** The acknowledgement that says nothing but "accepted", and many of them; its length is ASCII too. */
const acceptedFrame: Buffer = Buffer.from(encodeFrame(acceptedText));
const acceptedFrameText = acceptedFrame.toString("latin1");
const acceptedFrames: Buffer = Buffer.alloc(256 * acceptedFrame.length, acceptedFrame);

/**
 * The writing side of a connection: gathers the frames of one turn of the event loop into a few writes, and gives a peer up that takes
 * nothing for the time that a frame may take.
 */
export class FrameWriter {
  readonly #stream: Duplex;
  readonly #maxFrameBytes: number;
  readonly #frameTimeoutMs: number;
  readonly #owner: FrameWriterOwner;
  readonly #reusesSlab: boolean;
  /**
   * The frames of this turn, each with four characters in place of its header. The object is as young as its text: V8's collector notes
   * each young value that is written into an old object.
   */
  #turn = { text: "" };
  /** What is noted of the frames of the text that have no header yet. */
  #spans: number[] = [];
  /** How much of `#spans` is of this turn. */
  #spanCount = 0;
  /** How many acknowledgements follow the text. */
  #accepted = 0;
  /** How far `#spans` is filled before its frames are written within the turn. */
  #spansToFlush = Infinity;
  /** How much was given to the stream, in bytes. */
  #written = 0;
  #writes = 0;
  #hasFailedAtOnce = false;
  #isScheduled = false;
  /** Whether something was written in this turn of the loop, and so more of it may wait for its end. */
  #hasWritten = false;
  #wasBlocked = false;
  #timer: PatientTimer | undefined;

  constructor(stream: Duplex, options: { readonly maxFrameBytes: number; readonly frameTimeoutMs: number }, owner: FrameWriterOwner) {
    this.#stream = stream;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#frameTimeoutMs = options.frameTimeoutMs;
    this.#owner = owner;
    // only a plain socket has given its bytes to the kernel when nothing is left to write
    this.#reusesSlab = stream instanceof Socket && !("encrypted" in stream);
  }

  /** How often something was given to the stream. */
  get writes(): number {
    return this.#writes;
  }

  /** Whether a write has failed before a single byte of it was taken, and so will all that follow. */
  get hasFailedAtOnce(): boolean {
    return this.#hasFailedAtOnce;
  }

  /** Whether more waits to be taken than should. */
  get isBlocked(): boolean {
    if (this.#stream.writableLength <= blockedBytes) return false;
    this.#wasBlocked = true;
    return true;
  }

  /** Whether everything is with the kernel. */
  get isFlushed(): boolean {
    return this.#turn.text === "" && this.#accepted === 0 && this.#stream.writableLength === 0 && this.#stream.errored === null && !this.#stream.destroyed;
  }

  /** @throws `frame_too_large`, `bad_frame` where the text is empty. */
  check(text: string): void {
    // nothing is shorter in bytes than in characters, so most texts need no count
    checkFrameLength(text.length * 3 <= this.#maxFrameBytes ? text.length : Buffer.byteLength(text), this.#maxFrameBytes);
  }

  /** Says how many exchanges are under way: a part of these is written within the turn, so that the peer works on it meanwhile. */
  setUnderWay(exchanges: number): void {
    this.#spansToFlush = spanSize * Math.max(leastGathered, exchanges / partsUnderWay);
  }

  /** Adds a frame to what is written at the end of this turn; a large one is written at once. See `Connection.enqueue`. */
  enqueue(text: string, number: number): void {
    if (this.#add(text, number)) this.#schedule();
  }

  /** Adds the acknowledgement that says nothing but "accepted". */
  enqueueAccepted(): void {
    this.#accepted += 1;
    this.#schedule();
  }

  /** Writes a frame now, with what was enqueued before it. */
  write(text: string, done: WriteDone): void {
    this.#add(text, 0);
    this.flush();
    this.#stream.write(nothing, done);
  }

  /** Writes what was enqueued, now. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#turn.text === "") {
      for (; this.#accepted > 0; this.#accepted -= Math.min(this.#accepted, 256)) this.#writeBytes(acceptedFrames.subarray(0, Math.min(this.#accepted, 256) * acceptedFrame.length));
    } else {
      this.#appendAccepted();
      const { text } = this.#turn;
      const spanCount = this.#spanCount;
      this.#turn = { text: "" };
      this.#spanCount = 0;
      this.#writeText(text, spanCount);
    }
    this.watch();
  }

  /** What ran has ended: writes what it has enqueued, or lets a little of it wait for others of this turn of the loop. */
  flushOrGather(): void {
    if (!this.#isScheduled) return;
    if (this.#hasWritten && this.#spanCount < spanSize * mostGathered) {
      this.#isScheduled = false;
      return;
    }
    this.flush();
    if (!this.#hasWritten && written.push(this) === 1) setImmediate(endTurn);
    this.#hasWritten = true;
  }

  /** The turn of the loop has ended. */
  turnEnded(): void {
    this.#hasWritten = false;
    this.flush();
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
    this.#timer = new PatientTimer(this.#frameTimeoutMs, () => {
      this.#timer = undefined;
      const left = this.#stream.writableLength;
      if (left > 0 && this.#written - left < goal) this.#owner.stalled(new AcommError("timeout", `the peer did not take what was written within ${this.#frameTimeoutMs} ms`));
      else this.watch();
    });
    this.#timer.unref(); // the stream itself decides whether the process stays
  }

  /** Everything that was written has been taken. */
  drained(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#checkDrained();
  }

  /** Forgets what was not written. */
  close(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#turn.text = "";
    this.#spanCount = 0;
    this.#accepted = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flushScheduled, this); // no function of its own for each of thousands of connections
  }

  /** Adds a frame; false where that has written it already. */
  #add(text: string, number: number): boolean {
    if (text.length > largeLength) {
      this.flush();
      this.#writeLarge(text, number);
      this.watch();
      return false;
    }
    if (this.#accepted > 0) this.#appendAccepted();
    const frame = number === 0 ? headerPlace + text : text;
    this.#spans[this.#spanCount++] = this.#turn.text.length + headerBytes;
    this.#spans[this.#spanCount++] = frame.length - headerBytes;
    this.#spans[this.#spanCount++] = number;
    this.#turn.text += frame;
    // of much text, so that a peer that takes nothing is noticed within the turn
    if (this.#spanCount >= this.#spansToFlush || this.#turn.text.length > flushLength) this.flush();
    return true;
  }

  #appendAccepted(): void {
    if (this.#accepted > 0) this.#turn.text += acceptedFrameText.repeat(this.#accepted);
    this.#accepted = 0;
  }

  /** Encodes a turn's text as a whole; only the headers are left to be filled in. */
  #writeText(text: string, spanCount: number): void {
    const spans = this.#spans;
    let buffer = (slab ??= Buffer.allocUnsafeSlow(slabBytes));
    let bytes = text.length <= slabBytes ? buffer.write(text) : 0;
    const isAscii = bytes === text.length;
    if (!isAscii) {
      bytes = Buffer.byteLength(text);
      if (bytes > slabBytes) buffer = Buffer.from(text);
    }
    let grown = 0;
    for (let index = 0; index < spanCount; index += spanSize) {
      const start = spans[index] ?? 0;
      const characters = spans[index + 1] ?? 0;
      const length = isAscii ? characters : Buffer.byteLength(text.slice(start, start + characters));
      const end = start + grown; // of its header
      buffer[end - 3] = length >>> 16;
      buffer[end - 2] = length >>> 8;
      buffer[end - 1] = length;
      const number = spans[index + 2] ?? 0;
      if (number > 0) fillIn(number, buffer, end - headerBytes);
      grown += length - characters;
    }
    if (spanCount > mostSpans) this.#spans = [];
    const encoded = buffer.subarray(0, bytes);
    this.#writeBytes(this.#reusesSlab ? encoded : Buffer.from(encoded));
    if (this.#stream.writableLength > 0) slab = undefined;
  }

  #writeLarge(text: string, number: number): void {
    const pieces = takePieces(text);
    const start = number === 0 ? headerBytes : 0;
    let bytes = start;
    for (const piece of pieces) bytes += Buffer.byteLength(piece);
    const memory = this.#reusesSlab ? takeSpareFrame(bytes) : Buffer.allocUnsafeSlow(bytes);
    const frame = memory.subarray(0, bytes);
    let at = start;
    for (const piece of pieces) at += frame.write(piece, at);
    frame.writeUInt32BE(bytes - headerBytes, 0);
    if (number > 0) fillIn(number, frame, 0);
    this.#writeBytes(frame, () => {
      if (this.#reusesSlab && memory.length <= mostSpareBytes && spareFrames.length < mostSpareFrames) spareFrames.push(memory);
      this.#checkDrained();
    });
  }

  #writeBytes(bytes: Buffer, done?: () => void): void {
    this.#written += bytes.length;
    this.#writes += 1;
    // only where others wait before it may it be the one that ends a block
    this.#stream.write(bytes, done ?? (this.#stream.writableLength > 0 ? () => { this.#checkDrained(); } : undefined));
    if (this.#stream.errored !== null) this.#hasFailedAtOnce = true;
  }

  #checkDrained(): void {
    if (!this.#wasBlocked || this.#stream.writableLength > blockedBytes / 2) return;
    this.#wasBlocked = false;
    this.#owner.drained();
  }
}

/** Writes the number of nine digits that is blank in the frame that begins at `start`. */
function fillIn(number: number, bytes: Uint8Array, start: number): void {
  for (let rest = number, end = start + numberEnd; rest > 0; rest = (rest / 10) | 0) bytes[--end] = 0x30 + (rest % 10);
}

function takeSpareFrame(bytes: number): Buffer {
  const memory = spareFrames.pop();
  return memory !== undefined && memory.length >= bytes ? memory : Buffer.allocUnsafeSlow(Math.ceil(bytes / spareStepBytes) * spareStepBytes);
}

/** The microtasks of one callback have run. */
function flushScheduled(writer: FrameWriter): void {
  writer.flushOrGather();
}

function endTurn(): void {
  const writers = written;
  written = [];
  for (const writer of writers) writer.turnEnded();
}
