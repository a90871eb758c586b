import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "./fixtures/refusal.ts";
import { decodeUtf8, defaultMaxDepth, encodeJson, memberSpans, parseJson, parseMember } from "./json-text.ts";

const nested = (depth: number, inner = ""): string => "[".repeat(depth) + inner + "]".repeat(depth);

/** The JSON of a value with white space wherever JSON allows it. */
function spaced(value: unknown, space: string): string {
  if (Array.isArray(value)) return `[${space}${value.map((each) => spaced(each, space)).join(`${space},${space}`)}${space}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}${space}:${space}${spaced(each, space)}`);
  return `{${space}${members.join(`${space},${space}`)}${space}}`;
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("decodeUtf8", () => {
  test("A23 bytes that are not UTF-8 are bad_json, never U+FFFD", () => {
    // overlong, encoded surrogates, beyond Unicode, cut off, UTF-16
    for (const hex of ["7b226964223a22ff227d", "22e080af22", "22edbfbf22", "22c080 22", "fffe7b007d00", "22c322", "22eda08022", "22f4908080 22", "22c0af22", "22f09f98"]) {
      expect(refusal(() => decodeUtf8(Buffer.from(hex.replaceAll(" ", ""), "hex"))).code).toBe("bad_json");
    }
    expect(decodeUtf8(Buffer.from('"é漢😀"'))).toBe('"é漢😀"');
  });

  test("A25 a byte order mark is kept, and is bad_json then", () => {
    const text = decodeUtf8(Buffer.from("efbbbf7b7d", "hex"));
    expect(text).toBe("\ufeff{}");
    expect(refusal(() => parseJson(text)).code).toBe("bad_json");
  });

  test("goes on after bytes that it refused", () => {
    refusal(() => decodeUtf8(Buffer.from("e6bc", "hex")));
    expect(decodeUtf8(Buffer.from("{}"))).toBe("{}");
  });
});

describe("parseJson", () => {
  // in the manner of the n_ samples of JSONTestSuite
  test.each([
    ..."[1,] [,1] [1,,2] {,} {\"a\":1,} {\"a\"} {a:1} {'a':1} {1:1} {\"a\":} {\"a\":1 \"b\":2} {\"a\":1}} {\"a\":1}x [1]] [1 [1}".split(" "),
    ...['{"a" 1}', '{"a":"b",,"c":1}', '{"a":1}{"b":2}', '{"a":1}//c', '{"a":1}/**/', '{"a":/*c*/1}', '{"a":1}#', "[1 2]", "[1,\n2", '["a', '["a\n"]', '["a\tb"]'],
    ..."NaN -NaN Infinity -Infinity +1 0x1 01 -01 1. .1 1.e1 1e 1e+ -  -. 1_000 0b1 1n undefined True TRUE nul truee".split(" "),
    ...['"\\x"', '"\\u12"', '"\\u12G4"', "'a'", '"\\', '"\\"', '"a', "`a`", '"\u0000"', "\u00a0{}", "\u2028{}", "{}\u000c", "\u000b{}", "", " ", "\ufeff", "{", "}", "[", "]", ":", ",", "*", "\u0000"],
  ])("A35 %j is bad_json", (text) => {
    expect(refusal(() => parseJson(text)).code).toBe("bad_json");
  });

  test("an error says where the mistake is and quotes nothing of the message", () => {
    const error = refusal(() => parseJson('{"password":"hunter2",}'));
    expect(error.message).toMatch(/^the message of 23 characters is not JSON/);
    expect(error.cause).toBeUndefined();
    for (const text of ['{"p":hunter2}', '{"p":"hunter2" "hunter2"}', 'hunter2{"p":', '{"p":"hunter2\n"}']) {
      expect(refusal(() => parseJson(text)).message).not.toContain("hunter2");
    }
  });

  test("A31 takes arrays and objects 256 deep and refuses 257 as bad_json", () => {
    expect(defaultMaxDepth).toBe(256);
    for (const inner of ["", "1", '"]"']) {
      expect(depthOf(parseJson(nested(256, inner)))).toBe(256);
      expect(refusal(() => parseJson(nested(257, inner))).message).toContain("256 levels");
    }
    const objects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
    expect(depthOf(parseJson(objects(256)))).toBe(256);
    expect(refusal(() => parseJson(objects(257))).code).toBe("bad_json");
    expect(refusal(() => parseJson(nested(3), 2)).message).toContain("2 levels");
  });

  test("A31 brackets side by side or inside strings are no depth", () => {
    const text = `[${Array.from({ length: 300 }, () => '[{}, "[[[\\"{{{", "\\\\"]').join(",")}]`;
    expect(parseJson(text)).toHaveLength(300);
  });

  test.each([5_000, 100_000, 500_000])("A32 %d open brackets are bad_json, without a RangeError", (count) => {
    for (const opening of ["[", '{"a":', '[{"a":', "[ "]) expect(refusal(() => parseJson(opening.repeat(count))).code).toBe("bad_json");
    expect(refusal(() => parseJson(nested(count))).code).toBe("bad_json");
    expect(refusal(() => parseJson("]".repeat(count) + "[".repeat(count))).code).toBe("bad_json");
    expect(refusal(() => parseJson(`"${"[".repeat(count)}`)).code).toBe("bad_json");
  });

  test("A32 what is nested deep costs little, wherever in a large text it begins", () => {
    const before = '[{"a":1},'.repeat(10) + " ".repeat(5000) + "[],".repeat(2000);
    for (const deep of ["[".repeat(8_000_000), nested(4_000_000), '{"a":'.repeat(1_500_000), '[{"a": '.repeat(1_000_000)]) {
      for (const text of [before + deep, `["${"x".repeat(5000)}",${deep}]`]) {
        const startedAt = performance.now();
        expect(refusal(() => parseJson(text)).message).toContain("256 levels");
        expect(parseMember(text)).toBeUndefined();
        expect(performance.now() - startedAt).toBeLessThan(500); // to parse it takes up to several seconds
      }
    }
  });

  test("numbers of any size and many members are taken, in time that grows with the text", () => {
    expect([parseJson("1e999999"), parseJson("-1e999999"), parseJson("1e-999999")]).toEqual([Infinity, -Infinity, 0]);
    const startedAt = performance.now();
    expect(parseJson("7".repeat(1_000_000))).toBe(Infinity);
    expect(memberSpans(`{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":${index}`).join(",")}}`)).toHaveLength(100_000);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test("A29 __proto__ becomes a plain member", () => {
    const value = parseJson('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

test("A31 the depth that is refused is that of the value, at every limit and spacing", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom("", " ", "\n\t"), fc.nat(7), (value, space, limit) => {
      const text = spaced(value, space);
      if (depthOf(value) > limit) expect(refusal(() => parseJson(text, limit)).code).toBe("bad_json");
      else expect(parseJson(text, limit)).toEqual(JSON.parse(text));
    }),
    { numRuns: 1000 },
  );
});

test("A31 depth is found behind any amount of shallow text", () => {
  const shallow = Array.from({ length: 2000 }, () => "[1]").join(",");
  expect(parseJson(`[${shallow},${nested(255)}]`)).toHaveLength(2001);
  expect(refusal(() => parseJson(`[${shallow},${nested(256)}]`)).message).toContain("256 levels");
  for (const inner of ["1.5", "1,2", '1.5,"a"', "0.5,[]"]) {
    const isDeeper = inner.includes("[");
    expect(parseJson(`[${shallow},${nested(isDeeper ? 254 : 255, inner)}]`)).toHaveLength(2001);
    expect(refusal(() => parseJson(`[${shallow},${nested(isDeeper ? 255 : 256, inner)}]`)).message).toContain("256 levels");
  }
});

test("parseMember takes one level less than a message, and gives undefined for what is no JSON", () => {
  expect(depthOf(parseMember(nested(255)))).toBe(255);
  for (const text of [nested(256), `[${"[],".repeat(2000)}${nested(255)}]`, "{", "", '1,"b":2', "undefined"]) expect(parseMember(text)).toBeUndefined();
});

describe("memberSpans", () => {
  test("gives each member in its order, repeated keys included, with the exact text of its value", () => {
    const text = ' {"a" : [1, {"b":"}"}] ,"a":"x\\"," , "\\u0062":{"c":{}}\n,"":-0,"z":"\\\\"} ';
    expect(memberSpans(text).map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual([
      ["a", '[1, {"b":"}"}]'],
      ["a", '"x\\","'],
      ["b", '{"c":{}}'],
      ["", "-0"],
      ["z", '"\\\\"'],
    ]);
    expect(memberSpans("{}")).toEqual([]);
    expect(memberSpans(" {\n} ")).toEqual([]);
  });

  test("agrees with JSON.parse for any object and spacing", () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('"', "\\", '\\"', "}", ",", ":", "é"));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.jsonValue())), fc.constantFrom("", " ", "\r\n\t"), (members, space) => {
        const text = `${space}{${members.map(([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${spaced(value, space)}${space}`).join(",")}}${space}`;
        const got = memberSpans(text).map(({ key: name, start, end }) => [name, text.slice(start, end)]);
        expect(got).toEqual(members.map(([name, value]) => [name, spaced(value, space)]));
      }),
      { numRuns: 500 },
    );
  });
});

describe("encodeJson", () => {
  test("writes undefined as null and any other value as JSON.stringify does", () => {
    expect(encodeJson(undefined, "args")).toBe("null");
    expect(encodeJson({ a: [1, "é", null], b: undefined }, "args")).toBe('{"a":[1,"é",null]}');
    expect(encodeJson("\ud800", "args")).toBe('"\\ud800"');
  });

  const circular: Record<string, unknown> = { secret: "hunter2" };
  circular["self"] = circular;
  const failing = (thrown: unknown): object => ({
    toJSON() {
      throw thrown;
    },
  });
  test.each([
    ["a circular value", circular, "circular"],
    ["a bigint", 1n, "BigInt"],
    ["a bigint inside", { a: [1n] }, "BigInt"],
    ["a function", () => 1, "not a function"],
    ["a symbol", Symbol("x"), "not a symbol"],
    ["a toJSON that throws", failing(new Error("first\nsecond")), "first"],
    ["a toJSON that throws no error", failing("x"), "toJSON failed"],
  ])("A52 %s is bad_field that names the field, on one line", (_, value, says) => {
    const error = refusal(() => encodeJson(value, "result"));
    expect(error.code).toBe("bad_field");
    expect(error.message).toMatch(/^result [^\n]*$/);
    expect(error.message).toContain(says);
    expect(error.message).not.toContain("hunter2");
  });
});
