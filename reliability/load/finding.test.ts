import { expect, test } from "vitest";
import { atLeast, atMost, exactly, quantile, told, violationsOf } from "./finding.ts";

test("a figure out of its bound is told, and so is one that is no number", () => {
  expect(violationsOf([atMost("a", 3, 2, "MiB"), atLeast("b", 1.5, 2, "/s"), exactly("c", 1, 0), atMost("d", Number.NaN, 1), told("e", 7)])).toEqual([
    "a: 3 MiB, but must be ≤ 2 MiB",
    "b: 1.50/s, but must be ≥ 2/s",
    "c: 1, but must be 0",
    "d: NaN, but must be ≤ 1",
  ]);
  expect(violationsOf([atMost("a", 2, 2), atLeast("b", 2, 2), exactly("c", 0, 0), told("e", Number.NaN)])).toEqual([]);
});

test("a quantile is the value at that part of them in order", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([quantile(values, 0), quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([1, 51, 100, 100]);
  expect(quantile([], 0.5)).toBeNaN();
});
