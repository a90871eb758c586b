/** A size at a time. */
export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast something grows, in MiB in ten minutes: the median of the slopes between any two samples, so that a single one counts for little. */
export function slopeOf(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((from, index) => samples.slice(index + 1).map((to) => (to.bytes - from.bytes) / (to.atMs - from.atMs)));
  slopes.sort((a, b) => a - b);
  const median = slopes[Math.floor(slopes.length / 2)] ?? 0;
  return (median * 600_000) / (1024 * 1024);
}
