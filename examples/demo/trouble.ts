import { AcommError } from "acomm";
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { expectStatus, refusal } from "./demo.ts";
import type { Demo } from "./demo.ts";
import { heading, list } from "./print.ts";

export async function killOne({ programs, client }: Demo): Promise<void> {
  heading("One of the two is killed in the middle");
  const outcomes = new Map<string, number>();
  const calls = Array.from({ length: 100 }, async () => {
    const outcome = await client.request("work", { ms: 300 }, { timeoutMs: 10_000 }).then(({ by }) => `answered by ${by}`, (error: unknown) => (error instanceof AcommError ? error.code : String(error)));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });
  await setTimeout(150);
  await programs.kill("left");
  const startedAt = performance.now();
  assert.equal((await client.request("work", { ms: 4 })).by, "right");
  const takenOverMs = performance.now() - startedAt;
  await Promise.all(calls);
  assert.equal([...outcomes.values()].reduce((sum, count) => sum + count, 0), calls.length);
  assert.ok([...outcomes.keys()].every((outcome) => outcome.startsWith("answered by") || outcome === "ambiguous"), [...outcomes.keys()].join());
  list([...[...outcomes].map(([outcome, count]) => [outcome === "ambiguous" ? "told that it may have run" : outcome, String(count)] as const), ["the next call", `answered by right, after ${takenOverMs.toFixed(0)} ms`]]);
}

/** @param stream one that was read */
export async function tryWhatIsRefused({ tracker, socketDir, door }: Demo, stream: URL): Promise<void> {
  heading("Refused");
  const coordinator = `unix://${socketDir}/coordinator/main.sock`;
  const unsigned = new URL(`/stream?addr=${encodeURIComponent(`unix://${socketDir}/cpu/50-right.sock`)}`, door);
  list([
    ["a task that nobody serves", await refusal("unknown_task", tracker.request(coordinator, { task: "disk" }))],
    ["an argument of the wrong type", await refusal("bad_field", tracker.request(coordinator, { task: "work", args: { ms: "long" } }))],
    ["a stream that was read before", await expectStatus(410, stream)],
    ["a stream that was not signed", await expectStatus(403, unsigned)],
  ]);
}
