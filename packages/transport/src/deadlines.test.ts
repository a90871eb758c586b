import { expect, test } from "vitest";
import { Deadlines } from "./deadlines.ts";
import type { Deadline } from "./deadlines.ts";

function item(inMs: number): Deadline & { readonly inMs: number } {
  return { inMs, deadline: performance.now() + inMs, bucket: undefined, previous: undefined, next: undefined };
}

/** Adds items and waits until `count` of them expired; gives their durations in the order of expiry. */
function expiries(durations: readonly number[], change?: (items: ReturnType<typeof item>[], deadlines: Deadlines<ReturnType<typeof item>>) => void, count = durations.length): Promise<{ order: number[]; early: number }> {
  return new Promise((resolve) => {
    const order: number[] = [];
    let early = 0;
    const deadlines = new Deadlines<ReturnType<typeof item>>((expired) => {
      order.push(expired.inMs);
      if (performance.now() < expired.deadline) early += 1;
      if (order.length === count) {
        deadlines.clear();
        resolve({ order, early });
      }
    });
    const items = durations.map(item);
    for (const one of items) deadlines.add(one);
    change?.(items, deadlines);
  });
}

test("expire in the order of their deadlines, whatever the order of adding, and never early", async () => {
  const { order, early } = await expiries([60, 20, 100, 40, 80]);
  expect(order).toEqual([20, 40, 60, 80, 100]);
  expect(early).toBe(0);
});

test("one that is removed doesn't expire, from any place of its list", async () => {
  const { order } = await expiries(
    [30, 30, 30, 30, 60],
    (items, deadlines) => {
      deadlines.remove(items[0]!);
      deadlines.remove(items[2]!);
      deadlines.remove(items[3]!);
      deadlines.remove(items[3]!);
    },
    2,
  );
  expect(order).toEqual([30, 60]);
});

test("an earlier one that comes later is in time", async () => {
  const { order } = await expiries(
    [10_000, 20],
    (_items, deadlines) => {
      deadlines.add(item(5));
    },
    2,
  );
  expect(order).toEqual([5, 20]);
});

test("100 000 expire without holding the event loop: others get their turn in between", async () => {
  let turns = 0;
  let isOver = false;
  const tick = (): void => {
    turns += 1;
    if (!isOver) setImmediate(tick);
  };
  const count = 100_000;
  const done = expiries(Array.from({ length: count }, () => 20), () => void setImmediate(tick), count);
  const { early } = await done;
  isOver = true;
  expect(early).toBe(0);
  expect(turns).toBeGreaterThan(1);
});

test("clear forgets everything", () => {
  const deadlines = new Deadlines<Deadline>(() => {
    throw new Error("expired after clear");
  });
  const one = item(1);
  deadlines.add(one);
  deadlines.clear();
  expect(deadlines.size).toBe(0);
});
