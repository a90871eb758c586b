import { describe, expect, test } from "vitest";
import { checkOptionNames } from "./option-names.ts";
import type { OptionNames } from "./option-names.ts";

interface Options {
  readonly timeoutMs?: number;
  readonly maxPending?: number;
  readonly defaultTimeoutMs?: number;
}

const names: OptionNames<Options> = { timeoutMs: true, maxPending: true, defaultTimeoutMs: true };
const check = (options: unknown): unknown => {
  try {
    checkOptionNames(options as Options, "Example", names);
    return undefined;
  } catch (error) {
    return error;
  }
};

describe("the names of options", () => {
  test("that are known pass, whatever their values", () => {
    expect(check({})).toBe(undefined);
    expect(check({ timeoutMs: 5, maxPending: undefined })).toBe(undefined);
  });

  test.each([
    ["timeout", "Example has no option timeout: did you mean timeoutMs?"],
    ["maxpending", "Example has no option maxpending: did you mean maxPending?"],
    ["pending", "Example has no option pending: did you mean maxPending?"],
    ["retries", "Example has no option retries: it has timeoutMs, maxPending, defaultTimeoutMs"],
    ["__proto", "Example has no option __proto: it has timeoutMs, maxPending, defaultTimeoutMs"],
    ["toString", "Example has no option toString: it has timeoutMs, maxPending, defaultTimeoutMs"],
    ["a\nb", "Example has no option of this name: it has timeoutMs, maxPending, defaultTimeoutMs"],
  ])("that nobody reads are refused with the one that was probably meant: %j", (name, message) => {
    expect(check({ [name]: 1 })).toMatchObject({ code: "bad_field", message });
  });

  test("whose value is undefined are as good as left out", () => {
    expect(check({ timeout: undefined })).toBe(undefined);
  });

  test.each([
    [undefined, "missing"],
    [null, "null"],
    ["/run/acomm", "a string"],
    [[], "an array"],
  ])("need an object: %j", (options, kind) => {
    expect(check(options)).toMatchObject({ code: "bad_field", message: `Example takes an object of options, but it is ${kind}` });
  });
});
