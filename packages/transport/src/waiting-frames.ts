import type { AcommError } from "@acomm/protocol";
import { textOfFrame } from "./frame-text.ts";

/** What gets them; see `FrameReceiver`. */
interface Taker {
  frame(text: string, start: number, end: number): void;
  unreadable(error: AcommError): void;
}

/**
 * A frame of more bytes takes long to be read. Where others are under way it waits until what could be read and written in this turn
 * of the loop was: a socket holds less than two such frames, and while one process reads the first the other would wait for the rest
 * of the second, so that they would take turns.
 */
export const heavyBytes: number = 32 * 1024;

/** A heavy frame that waits, and those that came behind it in the same chunk. */
export class WaitingFrames {
  readonly #frames: (string | AcommError)[] = [];

  /** Adds the frame from `start` to `end`, whose memory may be used again. */
  add(source: Uint8Array, start: number, end: number): void {
    try {
      this.#frames.push(textOfFrame(source, start, end));
    } catch (error) {
      this.#frames.push(error as AcommError);
    }
  }

  /** Hands them over in their order, as long as more is wanted. */
  handOver(taker: Taker, isWanted: () => boolean): void {
    for (const frame of this.#frames) {
      if (!isWanted()) return;
      if (typeof frame === "string") taker.frame(frame, 0, frame.length);
      else taker.unreadable(frame);
    }
  }
}
