import { AcommError, acommErrorCodes } from "@acomm/protocol";
import { expect, test } from "vitest";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";

test("the numbers that scripts know", () => {
  expect(exitCodes).toEqual({ result: 0, remote: 1, usage: 2, timeout: 3, unavailable: 4, interrupted: 130 });
});

test("what surely did not run is unavailable, what may have run never is", () => {
  const codes = Object.groupBy(acommErrorCodes, (code) => exitCodeOf(new AcommError(code, "x")));
  expect(codes[3]).toEqual(["timeout"]);
  expect(codes[4]).toEqual(["unknown_task", "unavailable", "overloaded", "stopping"]);
  expect(codes[2]).toEqual(["bad_address", "unknown_scheme"]);
  expect(codes[1]).toContain("ambiguous");
  expect(exitCodeOf(new AcommError("remote", "unavailable: no provider was there", { retryable: true }))).toBe(4);
});

test("a wrong argument is usage, a failure of any other kind is not", () => {
  expect(exitCodeOf(new UsageError("x"))).toBe(2);
  expect(exitCodeOf(new Error("x"))).toBe(1);
  expect(exitCodeOf(undefined)).toBe(1);
});
