const unitsMs: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const written = /^(\d+(?:\.\d+)?)(|ms|s|m|h)$/;

/** The longest that a timer of Node takes, in milliseconds: 24.8 days. */
export const maxDurationMs: number = 2 ** 31 - 1;

/** Reads `500ms`, `30s`, `2m`, `1.5h` or plain milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = written.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  return number === undefined || unitMs === undefined ? undefined : Number(number) * unitMs;
}

/** Writes a duration for people: `350ms`, `30s`, `2m 5s`, `3h 20m`, `4d 2h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000 && ms % 1000 !== 0) return `${Number((ms / 1000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1000);
  const parts = [[Math.floor(seconds / 86_400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "m"], [seconds % 60, "s"]] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join(" ");
}
