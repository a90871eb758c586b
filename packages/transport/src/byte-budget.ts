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

  /** Whether `bytes` more are within the limit. */
  hasRoomFor(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.maxBytes;
  }

  /** Counts bytes, or fewer of them where `bytes` is negative. */
  add(bytes: number): void {
    this.#heldBytes += bytes;
  }
}
