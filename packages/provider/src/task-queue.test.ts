import { AcommError } from "@acomm/protocol";
import { codeOf, thrownBy } from "@acomm/testing";
import { describe, expect, test } from "vitest";
import { TaskQueue } from "./task-queue.ts";
import type { Place } from "./task-queue.ts";

const never = new AbortController().signal;

/** Takes places until the queue is full, in their order. */
function fill(queue: TaskQueue, count: number): Place[] {
  return Array.from({ length: count }, () => queue.reserve());
}

test("a place that is free is entered at once, without a promise", () => {
  const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 0 });
  expect(queue.reserve().enter(() => never)).toBeUndefined();
  expect([queue.runningCount, queue.queuedCount]).toEqual([1, 0]);
});

test("no more than concurrency run, no more than maxQueued wait, and what comes beyond is overloaded", () => {
  const queue = new TaskQueue("disk-info", { concurrency: 2, maxQueued: 3 });
  for (const place of fill(queue, 5)) void place.enter(() => never);
  expect([queue.runningCount, queue.queuedCount]).toEqual([2, 3]);
  expect(thrownBy(() => queue.reserve())).toMatchObject({ code: "overloaded", message: expect.stringContaining("disk-info runs 2 requests and 3 wait") });
});

test("those that wait have their turn in the order in which they entered", async () => {
  const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 10 });
  const order: number[] = [];
  const places = fill(queue, 5);
  const entered = places.map(async (place, index) => {
    await place.enter(() => never);
    order.push(index);
    place.leave();
  });
  await Promise.all(entered);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect([queue.runningCount, queue.queuedCount]).toEqual([0, 0]);
});

describe("one whose signal aborts", () => {
  test("leaves the queue with the reason, and its place is free at once", async () => {
    const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 2 });
    const [first, second, third] = fill(queue, 3);
    void first!.enter(() => never);
    const controller = new AbortController();
    const waiting = second!.enter(() => controller.signal);
    const last = third!.enter(() => never);
    controller.abort(new AcommError("timeout", "gone"));
    await expect(waiting).rejects.toThrow("gone");
    second!.leave();
    expect([queue.runningCount, queue.queuedCount]).toEqual([1, 1]);
    queue.reserve();
    first!.leave();
    await last;
    expect([queue.runningCount, queue.queuedCount]).toEqual([1, 1]);
  });

  test("before it entered doesn't enter", async () => {
    const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 1 });
    void queue.reserve().enter(() => never);
    await expect(queue.reserve().enter(() => AbortSignal.abort(new AcommError("timeout", "too late")))).rejects.toThrow("too late");
  });

  test("after its turn has come stays until it leaves", async () => {
    const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 1 });
    const [first, second] = fill(queue, 2);
    void first!.enter(() => never);
    const controller = new AbortController();
    const turn = second!.enter(() => controller.signal);
    first!.leave();
    controller.abort();
    await turn;
    expect(queue.runningCount).toBe(1);
  });

  test("a thousand that come and give up leave nothing behind", async () => {
    const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 1 });
    void queue.reserve().enter(() => never);
    for (let index = 0; index < 1000; index += 1) {
      const place = queue.reserve();
      const controller = new AbortController();
      const turn = place.enter(() => controller.signal);
      controller.abort(new AcommError("cancelled", "given up"));
      await expect(turn).rejects.toThrow("given up");
      place.leave();
    }
    expect([queue.runningCount, queue.queuedCount]).toEqual([1, 0]);
  });
});

test("a place that was never entered is given back", () => {
  const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 0 });
  const place = queue.reserve();
  expect(queue.queuedCount).toBe(1);
  place.leave();
  place.leave();
  expect(queue.queuedCount).toBe(0);
  queue.reserve();
});

test("a leave in the middle of the queue keeps the order of the others", async () => {
  const queue = new TaskQueue("t", { concurrency: 1, maxQueued: 3 });
  const order: string[] = [];
  const [running, a, b, c] = fill(queue, 4);
  void running!.enter(() => never);
  const controller = new AbortController();
  const entered = [
    a!.enter(() => never)?.then(() => order.push("a")),
    b!.enter(() => controller.signal)?.catch(() => order.push("b left")),
    c!.enter(() => never)?.then(() => order.push("c")),
  ];
  controller.abort();
  await entered[1];
  b!.leave();
  running!.leave();
  await entered[0];
  a!.leave();
  await entered[2];
  expect(order).toEqual(["b left", "a", "c"]);
});

test("counts that are none are bad_field", async () => {
  for (const concurrency of [0, -1, 1.5, Number.NaN]) expect(thrownBy(() => new TaskQueue("t", { concurrency, maxQueued: 0 }))).toMatchObject({ code: "bad_field", message: expect.stringContaining("concurrency") });
  for (const maxQueued of [-1, 0.5, Infinity]) expect(await codeOf((async () => new TaskQueue("t", { concurrency: 1, maxQueued }))())).toBe("bad_field");
});
