import { AcommError } from "@acomm/protocol";
import type { FrameDecoder } from "@acomm/protocol";
import { performance } from "node:perf_hooks";
import { PatientTimer } from "./patient-timer.ts";

/** How long a peer may take, in milliseconds. */
export interface ReadLimits {
  /** To its first byte, and from the first byte of a header to its last. */
  readonly headerTimeoutMs: number;
  /** From the first byte of a frame to its last. */
  readonly frameTimeoutMs: number;
}

const headerBytes = 4;

/**
 * Watches what a peer has begun and not ended: its silence after it connected, a header, a frame. The times are absolute, so
 * a slow drip holds no connection.
 */
export class ReadDeadline {
  readonly #decoder: FrameDecoder;
  readonly #limits: ReadLimits;
  readonly #onLate: (error: AcommError) => void;
  #isWatching = false;
  #isSilent = false;
  /** When what is owed began, on the clock of `performance.now()`; 0 where nothing is. */
  #since = 0;
  #timer: PatientTimer | undefined;
  #firesAt = 0;

  constructor(decoder: FrameDecoder, limits: ReadLimits, onLate: (error: AcommError) => void) {
    this.#decoder = decoder;
    this.#limits = limits;
    this.#onLate = onLate;
  }

  /** For how long not a single byte has come, though one was awaited, in milliseconds; 0 once one is here. */
  get silentMs(): number {
    return this.#isSilent && this.#isWatching ? performance.now() - this.#since : 0;
  }

  /** Begins to watch. @param awaitsFirstByte whether the peer owes something at once */
  start(awaitsFirstByte: boolean): void {
    this.#isSilent = awaitsFirstByte;
    this.resume();
  }

  /** A chunk was read. @param hasFrame whether it completed a frame, after which another one may have begun */
  moved(hasFrame: boolean): void {
    if (hasFrame || this.#isSilent) this.#since = 0;
    this.#isSilent = false;
    if (this.#isWatching) this.#look();
  }

  /** Nothing is read for now, so nothing is late. */
  pause(): void {
    this.#isWatching = false;
  }

  resume(): void {
    this.#isWatching = true;
    this.#since = 0;
    this.#look();
  }

  end(): void {
    this.#isWatching = false;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #look(): void {
    const limitMs = this.#limitMs();
    if (limitMs === 0) {
      this.#since = 0;
      return;
    }
    if (this.#since === 0) this.#since = performance.now();
    // the timer outlives what it was armed for: most connections have another incomplete frame by then
    if (this.#timer === undefined || this.#firesAt > this.#since + limitMs) this.#arm(this.#since + limitMs);
  }

  #arm(at: number): void {
    this.#timer?.clear();
    this.#firesAt = at;
    this.#timer = new PatientTimer(Math.max(Math.ceil(at - performance.now()), 1), () => { this.#fired(); }).unref(); // the stream itself decides whether the process stays
  }

  #fired(): void {
    this.#timer = undefined;
    const limitMs = this.#limitMs();
    if (limitMs === 0 || !this.#isWatching) return;
    if (this.#since + limitMs > performance.now()) this.#arm(this.#since + limitMs);
    else this.#onLate(new AcommError("timeout", this.#isSilent ? `the peer connected and sent nothing within ${limitMs} ms` : `a ${this.#isInHeader ? "frame's header" : "frame"} was not complete within ${limitMs} ms of its first byte`));
  }

  /** The time for what is owed; 0 where nothing is. */
  #limitMs(): number {
    if (this.#isSilent) return this.#limits.headerTimeoutMs;
    if (!this.#decoder.isPartial) return 0;
    return this.#isInHeader ? this.#limits.headerTimeoutMs : this.#limits.frameTimeoutMs;
  }

  get #isInHeader(): boolean {
    return this.#decoder.heldBytes < headerBytes;
  }
}
