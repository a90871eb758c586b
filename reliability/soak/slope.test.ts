import { expect, test } from "vitest";
import { slopeOf } from "./slope.ts";

test("the slope of a line, whatever lies beside it, and of nothing", () => {
  const mebibyte = 1024 * 1024;
  const samples = Array.from({ length: 100 }, (_, minute) => ({ atMs: minute * 60_000, bytes: 50 * mebibyte + minute * mebibyte + (minute % 2) }));
  expect(slopeOf(samples)).toBeCloseTo(10, 3);
  expect(slopeOf([{ atMs: 1, bytes: 5 }])).toBe(0);
  expect(slopeOf([])).toBe(0);
});
