import { AcommError } from "@acomm/protocol";

/**
 * @internal The bytes that a listener holds for all of its peers: what has come of incomplete frames, requests that are under way, and
 * answers that wait to be taken.
 */
export class ByteBudget {
  readonly maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Why so many bytes more can't be held, undefined where they can. */
  refusal(bytes: number): AcommError | undefined {
    if (this.#heldBytes + bytes <= this.maxBytes) return undefined;
    return new AcommError("overloaded", `the listener holds its ${this.maxBytes} bytes, or would with this message: send it again later, or raise maxBufferedBytes`);
  }

  /** Counts bytes, or fewer of them where `bytes` is negative. */
  add(bytes: number): void {
    this.#heldBytes += bytes;
  }
}
