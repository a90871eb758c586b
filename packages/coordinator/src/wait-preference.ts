import { AcommError } from "@acomm/protocol";
import type { IncomingMessage } from "node:http";

/** How a caller over HTTP wants its answer. */
export interface AnswerWish {
  /** How long the connection is to be held, in milliseconds; undefined where the answer is to go to the hook. */
  readonly waitMs: number | undefined;
  /** Whether the wish came as `Prefer: wait=…`, which is to be acknowledged. */
  readonly isPreference: boolean;
  /** Whether progress is to come as events (`Accept: text/event-stream`). */
  readonly takesEvents: boolean;
}

const duration = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)?$/;
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };
/** `wait` among the preferences of RFC 7240. */
const preference = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)/i;

/**
 * Reads how a caller wants its answer: `?wait=30s` (also `500ms`, `2m`, or a number of seconds), or `Prefer: wait=30`. Who takes
 * events has its connection held as long as may be.
 *
 * @throws `bad_field` where `wait` of the query is no duration
 */
export function readAnswerWish({ url = "", headers }: IncomingMessage): AnswerWish {
  const at = url.indexOf("?");
  const written = at < 0 ? null : new URLSearchParams(url.slice(at)).get("wait");
  const takesEvents = (headers.accept ?? "").split(",").some((range) => range.split(";")[0]?.trim().toLowerCase() === "text/event-stream");
  if (written !== null) return { waitMs: readDuration(written), isPreference: false, takesEvents };
  // several headers of this name come as one text, their values with commas between them
  const [, seconds] = preference.exec([headers["prefer"] ?? []].flat().join(",")) ?? [];
  if (seconds !== undefined) return { waitMs: Number(seconds) * 1000, isPreference: true, takesEvents };
  return { waitMs: takesEvents ? Infinity : undefined, isPreference: false, takesEvents };
}

function readDuration(text: string): number {
  const [, amount, unit = "s"] = duration.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * (units[unit] ?? 1000);
  throw new AcommError("bad_field", "wait must be a duration such as 30s, 500ms, 2m, or a number of seconds");
}
