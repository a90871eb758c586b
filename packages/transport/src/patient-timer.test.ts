import { expect, test } from "vitest";
import { block } from "./fixtures/until.ts";
import { PatientTimer } from "./patient-timer.ts";

test("fires when it is due, once", async () => {
  const startedAt = performance.now();
  let count = 0;
  await new Promise<void>((resolve) => new PatientTimer(30, () => {
    count += 1;
    resolve();
  }));
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(29);
  expect(count).toBe(1);
});

test("F37 fires after what came meanwhile, where the process was held up when it was due", async () => {
  const order: string[] = [];
  const fired = new Promise<void>((resolve) => new PatientTimer(10, () => {
    order.push("fired");
    resolve();
  }));
  block(60);
  setImmediate(() => setImmediate(() => order.push("read"))); // two turns of the loop
  await fired;
  expect(order).toEqual(["read", "fired"]);
});

test("does not fire once it is cleared, also while it waits for what came", async () => {
  let count = 0;
  const timers = [0, 1].map(() => new PatientTimer(10, () => { count += 1; }).unref());
  timers[0]?.clear();
  block(60);
  await new Promise((resolve) => setImmediate(resolve));
  timers[1]?.clear();
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(count).toBe(0);
});
