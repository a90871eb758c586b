import { expect, test } from "vitest";
import { describeBytes, describeProgress } from "./progress.ts";

test("bytes have a bar where it is known how many will come", () => {
  expect(describeBytes("disk.img", 512 * 1024, 1024 * 1024, 2000)).toBe("disk.img  [████████████░░░░░░░░░░░░]  50 %  512 KiB of 1.0 MiB  256 KiB/s  2s");
  expect(describeBytes("out", 1024, undefined, 1000)).toBe("out  1.0 KiB  1.0 KiB/s  1s");
});

test("a number from 0 to 1 is a part, done and total are counted, all else is shown as it is", () => {
  expect(describeProgress(0.25, 80)).toBe("[██████░░░░░░░░░░░░░░░░░░]  25 %");
  expect(describeProgress({ done: 3, total: 4, step: "copying" }, 80)).toBe("[██████████████████░░░░░░]  75 %  3 of 4  copying");
  expect(describeProgress({ done: 5, total: 4 }, 80)).toBe('{"done":5,"total":4}');
  expect(describeProgress("copying", 80)).toBe('"copying"');
  expect(describeProgress(null, 80)).toBe("null");
  expect(describeProgress("x".repeat(100), 20)).toHaveLength(19);
});
