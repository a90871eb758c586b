import { heapMebibytes } from "@acomm/testing";
import { expect, test, vi } from "vitest";
import { Deadlines } from "./deadlines.ts";
import type { Deadline } from "./deadlines.ts";

function item(inMs: number): Deadline & { readonly inMs: number } {
  return { inMs, deadline: performance.now() + inMs, bucket: undefined, bucketIndex: 0 };
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

test("no timer is set for what is gone", async () => {
  using setTimer = vi.spyOn(globalThis, "setTimeout");
  const gone = Array.from({ length: 20 }, (_, index) => 4 + index * 4);
  const { order } = await expiries(
    [...gone, 100],
    (items, deadlines) => {
      for (const one of items.slice(0, -1)) deadlines.remove(one);
    },
    1,
  );
  expect(order).toEqual([100]);
  expect(setTimer.mock.calls.length).toBeLessThan(10); // one for each that is gone would be 20; a busy machine adds some of its own
});

test("what is gone leaves no memory behind, however far its deadline was and whatever is still open", () => {
  const deadlines = new Deadlines<Deadline>(() => undefined);
  deadlines.add(item(7_200_000));
  const before = heapMebibytes();
  const twoAtATime: Deadline[] = [];
  for (let index = 0; index < 300_000; index += 1) {
    twoAtATime.push(item(3_600_000 + index * 4));
    deadlines.add(twoAtATime.at(-1)!);
    if (twoAtATime.length === 2) deadlines.remove(twoAtATime.shift()!);
  }
  expect(heapMebibytes() - before).toBeLessThan(4);
  expect(deadlines.size).toBe(2);
  deadlines.clear();
});

test("one that is added for the same time by the last that expires then expires too", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    const deadlines = new Deadlines<Deadline & { readonly name: string }>((expired) => {
      order.push(expired.name);
      deadlines.remove(expired); // as whoever settles a request does
      if (expired.name === "first") deadlines.add({ ...item(0), deadline: expired.deadline, name: "second" });
      else resolve();
    });
    deadlines.add({ ...item(10), name: "first" });
  });
  expect(order).toEqual(["first", "second"]);
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
