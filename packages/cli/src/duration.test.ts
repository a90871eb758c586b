import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([["500ms", 500], ["30s", 30_000], ["2m", 120_000], ["1.5h", 5_400_000], ["250", 250], ["0", 0], ["0.5s", 500]])("%s is a duration", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "-1", "NaN", "Infinity", "8080abc", "1e9s", "1 s", "s", "5d", "0x10", "1,5s", " 5", ".5s", "__proto__"])("A90 %j is none", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test.each([[0, "0ms"], [349.6, "350ms"], [1500, "1.5s"], [30_000, "30s"], [125_000, "2m 5s"], [120_000, "2m"], [12_000_000, "3h 20m"], [353_000_000, "4d 2h"]])("%d ms are written %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
