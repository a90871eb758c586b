const growth = Math.log(1.02);
const bucketCount = 1400;

/** How long many calls took, in so many buckets that a figure is off by 1 % at most, however many there are. */
export class Latencies {
  readonly #buckets = new Uint32Array(bucketCount);
  #count = 0;
  #sumMs = 0;
  #leastMs = Infinity;
  #mostMs = 0;

  add(ms: number): void {
    const bucket = Math.min(Math.max(Math.round(Math.log(ms * 1000) / growth), 0), bucketCount - 1);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += ms;
    this.#leastMs = Math.min(this.#leastMs, ms);
    this.#mostMs = Math.max(this.#mostMs, ms);
  }

  /** The time below which so large a part of the calls stayed, in milliseconds; 0 where there was none. @param part 0 to 1 */
  quantileMs(part: number): number {
    let left = Math.ceil(this.#count * part);
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0 && this.#count > 0) return Math.min(Math.max(Math.exp(bucket * growth) / 1000, this.#leastMs), this.#mostMs);
    }
    return 0;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  get mostMs(): number {
    return this.#mostMs;
  }
}
