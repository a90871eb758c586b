import { expect, test } from "vitest";
import { Latencies } from "./latencies.ts";

test("quantiles are right within a hundredth", () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1000; ms += 1) latencies.add(ms / 10);
  for (const part of [0.01, 0.5, 0.9, 0.99, 1]) expect(Math.abs(latencies.quantileMs(part) / (part * 100) - 1)).toBeLessThan(0.011);
  expect(latencies.mostMs).toBe(100);
  expect(latencies.meanMs).toBeCloseTo(50.05);
});

test("what is faster or slower than all buckets still counts", () => {
  const latencies = new Latencies();
  expect(latencies.quantileMs(0.5)).toBe(0);
  latencies.add(0);
  latencies.add(1e12);
  expect(latencies.quantileMs(0.5)).toBeLessThan(0.002);
  expect(latencies.quantileMs(1)).toBeGreaterThan(1e8);
});
