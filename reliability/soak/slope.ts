/** A size at a time. */
export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast something grows, by least squares, in MiB in ten minutes. */
export function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanAt = mean(samples.map(({ atMs }) => atMs));
  const meanBytes = mean(samples.map(({ bytes }) => bytes));
  let product = 0;
  let square = 0;
  for (const { atMs, bytes } of samples) {
    product += (atMs - meanAt) * (bytes - meanBytes);
    square += (atMs - meanAt) ** 2;
  }
  return square === 0 ? 0 : ((product / square) * 600_000) / (1024 * 1024);
}
