/** Tracks many requests and measures it, in a process with `--expose-gc`. */
import { createRequest, createResponse, handleResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { payloadOf } from "../payload.ts";
import { answer } from "../process/answer.ts";

export type PendingKeeper = "acomm" | "a Map and a timer each";

/** What came of one measurement. A type of its own keys, so that it goes into a row. */
export type PendingFigures = Readonly<Record<"heapBytes" | "rssBytes" | "trackMicroseconds" | "settleMicroseconds" | "expiryMs" | "holdMs", number>>;

/** What keeps requests until they are answered or late. */
interface Keeper {
  readonly track: (request: Request, timeoutMs: number) => void;
  readonly settle: (response: Response) => void;
}

const longMs = 3_600_000;

answer({
  async measure({ keeper, count }: { readonly keeper: PendingKeeper; readonly count: number }) {
    const { track, settle } = keeper === "acomm" ? await trackerKeeper(count) : mapKeeper();
    let outcomes = 0;
    const onOutcome = (): void => { outcomes += 1; };
    const args = payloadOf(200);
    const requests = Array.from({ length: count }, () => createRequest({ task: "echo", args, onSuccess: onOutcome, onError: onOutcome }));
    const responses = shuffled(requests.map((request) => createResponse(request, { result: null })));

    const before = memory();
    const trackedAt = performance.now();
    for (const request of requests) track(request, longMs);
    const trackMs = performance.now() - trackedAt;
    const after = memory();

    const settledAt = performance.now();
    for (const response of responses) settle(response);
    const settleMs = performance.now() - settledAt;
    check(outcomes, count);

    outcomes = 0;
    gc?.();
    for (const request of requests) track(request, 1);
    const expiry = await watchTurns(() => outcomes >= count);
    check(outcomes, count);
    return {
      heapBytes: (after.heapUsed - before.heapUsed) / count,
      rssBytes: (after.rss - before.rss) / count,
      trackMicroseconds: (trackMs / count) * 1000,
      settleMicroseconds: (settleMs / count) * 1000,
      expiryMs: expiry.totalMs,
      holdMs: expiry.longestMs,
    } satisfies PendingFigures;
  },
});

async function trackerKeeper(maxPending: number): Promise<Keeper> {
  const tracker = new Tracker({ maxPending });
  await tracker.start();
  return { track: (request, timeoutMs) => { tracker.trackRequest(request, { timeoutMs }); }, settle: tracker.handleResponse };
}

/** What one would write first. */
function mapKeeper(): Keeper {
  const open = new Map<string, { readonly request: Request; readonly timer: NodeJS.Timeout }>();
  const settle = (response: Response): void => {
    const found = open.get(response.id);
    if (found === undefined) return;
    open.delete(response.id);
    clearTimeout(found.timer);
    handleResponse(found.request, response);
  };
  return {
    settle,
    track(request, timeoutMs) {
      const timer = setTimeout(() => { settle(createResponse(request, { error: new Error("timeout") })); }, timeoutMs);
      open.set(request.id, { request, timer });
    },
  };
}

function memory(): NodeJS.MemoryUsage {
  if (gc === undefined) throw new Error("run with --expose-gc");
  gc();
  gc();
  return process.memoryUsage();
}

/** Turns the event loop until it is done: how long that took, and the longest turn. */
async function watchTurns(isDone: () => boolean): Promise<{ readonly totalMs: number; readonly longestMs: number }> {
  const startedAt = performance.now();
  let longestMs = 0;
  let last = startedAt;
  while (!isDone()) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }
  return { totalMs: last - startedAt, longestMs };
}

function shuffled<Item>(items: Item[]): Item[] {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = Math.floor(Math.random() * (index + 1));
    const item = items[index] as Item;
    items[index] = items[other] as Item;
    items[other] = item;
  }
  return items;
}

function check(outcomes: number, count: number): void {
  if (outcomes !== count) throw new Error(`${outcomes} outcomes of ${count} requests`);
}
