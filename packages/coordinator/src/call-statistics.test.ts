import { expect, test } from "vitest";
import { CallStatistics } from "./call-statistics.ts";

test("nothing is known of a task that nobody has called", () => {
  expect(new CallStatistics().figures(12_345)).toEqual({ done: 0, failed: 0, perSecond: 0, p50Ms: 0, p99Ms: 0 });
});

test("calls are counted by how they ended, and by how long they took", () => {
  const statistics = new CallStatistics();
  for (let index = 1; index <= 100; index += 1) statistics.add(50_000, 50_000 + index, index % 10 !== 0);
  expect(statistics.figures(50_500)).toEqual({ done: 90, failed: 10, perSecond: 10.53, p50Ms: 51, p99Ms: 100 });
});

test("the rate is of the last ten seconds, the latencies of the latest thousand", () => {
  const statistics = new CallStatistics();
  for (let index = 0; index < 5000; index += 1) statistics.add(1000, 2000, true);
  for (let index = 0; index < 1024; index += 1) statistics.add(14_999, 15_000, true);
  expect(statistics.figures(15_999.5)).toMatchObject({ done: 6024, perSecond: 102.41, p99Ms: 1 });
  expect(statistics.figures(60_000).perSecond).toBe(0);
});
