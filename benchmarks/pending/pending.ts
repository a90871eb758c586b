import { startNode } from "../process/measured-process.ts";
import { interleave } from "../rounds.ts";
import type { Row, Section } from "../section.ts";
import type { PendingFigures, PendingKeeper } from "./worker.ts";

const keepers: readonly PendingKeeper[] = ["acomm", "a Map and a timer each"];

/** What it costs to track many requests at once, to settle them, and to let all of them expire. */
export async function pending(options: { readonly quick: boolean }): Promise<Section> {
  const counts = options.quick ? [20_000] : [100_000, 1_000_000];
  const rows: Row[] = [];
  for (const count of counts) {
    const rounds = options.quick ? 1 : count > 100_000 ? 3 : 5;
    rows.push(...(await interleave(keepers.map((keeper) => ({ name: `${count} in ${keeper}`, measure: () => measure(keeper, count) })), { rounds, warmUps: 0 })));
  }
  return {
    name: "pending",
    title: "Requests that wait for their responses, each with a timeout",
    method: `Each in a process of its own; medians of ${options.quick ? "one round" : "five rounds, of three of a million"}. Bytes beyond the caller's own requests and responses, after garbage collection; settled in random order through handleResponse; then all tracked again with a timeout that is over when the last is in, so that all expire at once, the longest hold being the longest turn of a loop of setImmediate.`,
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
  await using worker = startNode(new URL("worker.ts", import.meta.url), [], ["--expose-gc"]);
  return await worker.ask<PendingFigures>("measure", { keeper, count });
}
