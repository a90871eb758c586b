import { expect, test } from "vitest";
import { slopeOf } from "./slope.ts";

const mebibyte = 1024 * 1024;

test("the slope of a line, whatever lies beside it, and of nothing", () => {
  const samples = Array.from({ length: 100 }, (_, minute) => ({ atMs: minute * 60_000, bytes: (50 + minute + (minute % 10 === 3 ? 500 : 0)) * mebibyte }));
  expect(slopeOf(samples)).toBeCloseTo(10, 3);
  expect(slopeOf([{ atMs: 1, bytes: 5 }])).toBe(0);
  expect(slopeOf([])).toBe(0);
});
