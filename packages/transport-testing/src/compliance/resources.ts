import assert from "node:assert/strict";
import { patienceMs, until } from "./bench.ts";

/** What keeps the process alive, by its kind: how much of it there is. */
export type Resources = ReadonlyMap<string, number>;

/** Which kinds are counted: all but what only waits for its turn. */
export function isAny(kind: string): boolean {
  return kind !== "Immediate" && !kind.startsWith("FSReq");
}

/** Which kinds are counted: sockets, pipes and what listens. Node calls all of them wraps. */
export function isSocket(kind: string): boolean {
  return kind.endsWith("Wrap");
}

/** What there is now. */
export function resources(counts: (kind: string) => boolean): Resources {
  const found = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (counts(kind)) found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  return found;
}

/** Waits until there is no more of any kind than there was. */
export async function untilFreed(before: Resources, counts: (kind: string) => boolean, waitMs: number = patienceMs): Promise<void> {
  await until("", () => more(before, counts).length === 0, waitMs).catch(() => {
    assert.fail(`what was opened must be closed when all is stopped, but after ${waitMs} ms there is more than before: ${more(before, counts).join(", ")}`);
  });
}

function more(before: Resources, counts: (kind: string) => boolean): string[] {
  const now = [...resources(counts)];
  return now.filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind, count]) => `${kind} (${count}, were ${before.get(kind) ?? 0})`);
}
