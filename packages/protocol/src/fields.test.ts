import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkName, foldKey, kindOf, maxNameBytes, utf8Length } from "./fields.ts";
import { refusal } from "./fixtures/refusal.ts";
import { decodeRequest, decodeResponse, encodeRequest } from "./index.ts";

const withField = (field: "id" | "task", value: string): string =>
  field === "id" ? `{"id":${value},"task":"t"}` : `{"id":"x","task":${value}}`;

describe.each(["id", "task"] as const)("the %s of a request", (field) => {
  const number = field === "id" ? "A40" : "A41";
  const refused: readonly (readonly [title: string, json: string, says: string])[] = [
    ["empty", '""', "is empty"],
    ["a number", "1", "a number"],
    ["null", "null", "null"],
    ["an object", "{}", "an object"],
    ["an array", "[]", "an array"],
    ["true", "true", "a boolean"],
    ["129 bytes", JSON.stringify("x".repeat(129)), "has 129"],
    ["129 bytes of two-byte characters", JSON.stringify(`x${"é".repeat(64)}`), "has 129"],
    ["a line feed", '"a\\nb"', "control characters"],
    ["a NUL", '"a\\u0000b"', "control characters"],
    ["DEL", '"a\\u007fb"', "control characters"],
    ["a C1 control", '"a\\u0085b"', "control characters"],
  ];

  test.each(refused)(`${number} %s is bad_field`, (_, json, says) => {
    const error = refusal(() => decodeRequest(withField(field, json)));
    expect(error.code).toBe("bad_field");
    expect(error.message).toMatch(new RegExp(`^${field} must`));
    expect(error.message).toContain(says);
  });

  test(`${number} a missing one is bad_field`, () => {
    const error = refusal(() => decodeRequest(field === "id" ? '{"task":"t"}' : '{"id":"x"}'));
    expect([error.code, error.message]).toEqual(["bad_field", `${field} must be a string of 1 to 128 bytes, but is missing`]);
  });

  test.each([
    ["128 ASCII letters", "x".repeat(128)],
    ["128 bytes of two-byte characters", "é".repeat(64)],
    ["126 bytes of three-byte characters", "漢".repeat(42)],
    ["128 bytes of four-byte characters", "😀".repeat(32)],
    ["spaces, quotes and slashes", ' a/b "c" \\ '],
  ])("%s are taken and written again", (_, name) => {
    const request = decodeRequest(withField(field, JSON.stringify(name)));
    expect(request[field]).toBe(name);
    expect(decodeRequest(encodeRequest(request))[field]).toBe(name);
  });

  test.each([
    ["132 bytes of four-byte characters", "😀".repeat(33)],
    ["129 bytes of three-byte characters", "漢".repeat(43)],
  ])(`${number} %s are bad_field, though they have fewer than 128 characters`, (_, name) => {
    expect(refusal(() => decodeRequest(withField(field, JSON.stringify(name)))).code).toBe("bad_field");
  });

  test("a lone surrogate becomes U+FFFD, as in the original", () => {
    expect(decodeRequest(withField(field, '"a\\ud800b"'))[field]).toBe("a\ufffdb");
  });

  test("lone surrogates count as the three bytes of U+FFFD", () => {
    expect(refusal(() => decodeRequest(withField(field, JSON.stringify("\ud800".repeat(43))))).message).toContain("has 129");
  });

  test("an error names the limit, never the value", () => {
    expect(refusal(() => decodeRequest(withField(field, JSON.stringify("secret".repeat(50))))).message).toBe(
      `${field} must be at most ${maxNameBytes} bytes, but has 300`,
    );
  });
});

test("A40 the id of a response keeps the same limits", () => {
  for (const id of ["", "x".repeat(129), "a\nb"]) expect(refusal(() => decodeResponse(JSON.stringify({ id }))).code).toBe("bad_field");
  expect(decodeResponse(JSON.stringify({ id: "é".repeat(64) })).id).toBe("é".repeat(64));
});

test("checkName gives the name that is sent", () => {
  expect(checkName("a b", "id")).toBe("a b");
  expect(checkName("x\udc00", "task")).toBe("x\ufffd");
});

test("utf8Length counts what the encoder writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
    }),
  );
});

test("kindOf says in a word what a value is", () => {
  expect([null, undefined, [], {}, 1, "x", true].map(kindOf)).toEqual(["null", "missing", "an array", "an object", "a number", "a string", "a boolean"]);
});

test("foldKey compares keys as the original does, where the long s and the Kelvin sign have an ASCII case", () => {
  expect(["ID", "TASK", "ta\u017fK", "tas\u212a", "\u0131d", "\u0130d"].map(foldKey)).toEqual(["id", "task", "task", "task", "\u0131d", "i\u0307d"]);
});
