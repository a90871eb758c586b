import type { PendingFigures, PendingKeeper } from "./pending-worker.ts";
import { rowOf } from "./rounds.ts";
import type { Row, Section } from "./section.ts";
import { startNode } from "./worker.ts";

const keepers: readonly PendingKeeper[] = ["acomm", "a Map and a timer each"];

/** What it costs to track many requests at once, to settle them, and to let all of them expire. */
export async function pending(options: { readonly quick: boolean }): Promise<Section> {
  const counts = options.quick ? [20_000] : [100_000, 1_000_000];
  const rows: Row[] = [];
  for (const count of counts) {
    // a million take half a minute, and their bytes don't vary
    const rounds = options.quick || count > 100_000 ? 1 : 3;
    const measured = new Map<PendingKeeper, PendingFigures[]>(keepers.map((keeper) => [keeper, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [keeper, list] of measured) list.push(await measure(keeper, count));
    }
    for (const [keeper, list] of measured) rows.push(rowOf(`${count} in ${keeper}`, list));
  }
  return {
    name: "pending",
    title: "Requests that wait for their responses, each with a timeout",
    method: `Each in a process of its own; medians of three rounds of up to 100 000, one round of more. Bytes beyond the caller's own requests and responses, after garbage collection; settled in random order through handleResponse; then all tracked again with a timeout that is over when the last is in, so that all expire at once, the longest hold being the longest turn of a loop of setImmediate.`,
    columns: [
      { key: "heapBytes", heading: "heap B each" },
      { key: "rssBytes", heading: "RSS B each" },
      { key: "trackMicroseconds", heading: "track us", digits: 2 },
      { key: "settleMicroseconds", heading: "settle us", digits: 2 },
      { key: "expiryMs", heading: "expire all ms" },
      { key: "holdMs", heading: "hold ms", digits: 1 },
    ],
    rows,
  };
}

async function measure(keeper: PendingKeeper, count: number): Promise<PendingFigures> {
  using worker = startNode("pending-worker.ts", [], ["--expose-gc"]);
  return await worker.ask<PendingFigures>("measure", { keeper, count });
}
