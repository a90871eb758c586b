/** What the calls of a task were like. */
export interface CallFigures {
  /** Answered with a result. */
  readonly done: number;
  /** Answered with an error, of whatever kind. */
  readonly failed: number;
  /** Answered in a second, over the last ten. */
  readonly perSecond: number;
  /** Within how many milliseconds half of the latest thousand were answered; 0 where there were none. */
  readonly p50Ms: number;
  /** The same for 99 of a hundred. */
  readonly p99Ms: number;
}

/** How many calls the latencies are of; a power of two. */
const sampleCount = 1024;
const windowSeconds = 10;

/** Counts the calls of a task. It holds the latest latencies and nothing else of them. */
export class CallStatistics {
  #done = 0;
  #failed = 0;
  readonly #latencies = new Float64Array(sampleCount);
  /** How many were answered in each of the last seconds, and which second each count is of. */
  readonly #counts = new Uint32Array(windowSeconds);
  readonly #seconds = new Float64Array(windowSeconds).fill(-1);

  /** Counts a call that was answered `now`, both on the clock of `performance.now()`. */
  add(startedAt: number, now: number, isDone: boolean): void {
    this.#latencies[(this.#done + this.#failed) & (sampleCount - 1)] = now - startedAt;
    if (isDone) this.#done += 1;
    else this.#failed += 1;
    const second = Math.floor(now / 1000);
    const place = second % windowSeconds;
    if (this.#seconds[place] !== second) {
      this.#seconds[place] = second;
      this.#counts[place] = 0;
    }
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  figures(now: number = performance.now()): CallFigures {
    const total = this.#done + this.#failed;
    const latencies = this.#latencies.slice(0, Math.min(total, sampleCount)).sort();
    const percentile = (part: number): number => round(latencies[Math.min(Math.floor(latencies.length * part), latencies.length - 1)] ?? 0);
    const oldest = Math.floor(now / 1000) - windowSeconds;
    let recent = 0;
    for (const [place, second] of this.#seconds.entries()) if (second > oldest) recent += this.#counts[place] ?? 0;
    // the second that is under way is not whole
    const seconds = windowSeconds - 1 + (now % 1000) / 1000;
    return { done: this.#done, failed: this.#failed, perSecond: round(recent / seconds), p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
