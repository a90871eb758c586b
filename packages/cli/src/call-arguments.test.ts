import { describe, expect, test } from "vitest";
import { parseArgumentJson, parsePairs } from "./call-arguments.ts";
import { UsageError } from "./usage-error.ts";

const written = (...pairs: string[]): string => JSON.stringify(parsePairs(pairs));
const refusal = (...pairs: string[]): string => {
  try {
    parsePairs(pairs);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("it was taken");
};

describe("A88 the type of a value", () => {
  test.each([
    ["x=1,2", '{"x":"1,2"}'],
    ["x=true", '{"x":true}'],
    ["x=false", '{"x":false}'],
    ["x=null", '{"x":null}'],
    ["x=1", '{"x":1}'],
    ["x=-2.5", '{"x":-2.5}'],
    ["x=1e3", '{"x":1e3}'],
    ["x=0", '{"x":0}'],
    ["x=t", '{"x":"t"}'],
    ["x=True", '{"x":"True"}'],
    ["x=010", '{"x":"010"}'],
    ["x=+1", '{"x":"+1"}'],
    ["x=0x10", '{"x":"0x10"}'],
    ["x=.5", '{"x":".5"}'],
    ["x=1.", '{"x":"1."}'],
    ["x=NaN", '{"x":"NaN"}'],
    ["x= 1", '{"x":" 1"}'],
    ["x=", '{"x":""}'],
    ["x=a=b", '{"x":"a=b"}'],
    ["x=[1]", '{"x":"[1]"}'],
    ['x="1"', '{"x":"\\"1\\""}'],
    ["x:=[1,2]", '{"x":[1,2]}'],
    ['x:="1"', '{"x":"1"}'],
    ["x:={\"a\":{}}", '{"x":{"a":{}}}'],
  ])("%s", (pair, json) => {
    expect(written(pair)).toBe(json);
  });

  test.each(["9007199254740993", "-0", "1.0", "1e-7", "1e400", "12345678901234567890.5"])("a number keeps its digits: %s", (digits) => {
    expect(written(`x=${digits}`)).toBe(`{"x":${digits}}`);
    expect(written(`x:=[${digits}]`)).toBe(`{"x":[${digits}]}`);
    expect(JSON.stringify(parseArgumentJson(`{"a":[${digits}]}`, "--json"))).toBe(`{"a":[${digits}]}`);
  });
});

test("dots nest, in any order", () => {
  expect(written("a.b=1", "c=x", "a.d.e=2")).toBe('{"a":{"b":1,"d":{"e":2}},"c":"x"}');
  expect(written("a.0=x")).toBe('{"a":{"0":"x"}}');
});

test("no pairs are an empty object", () => {
  expect(written()).toBe("{}");
});

describe("A86 S19 the keys of prototypes", () => {
  test.each(["__proto__.x=1", "constructor.prototype.x=1", "a.__proto__=1", "a.constructor=1", "prototype:=1", "__proto__:={\"x\":1}"])("are refused: %s", (pair) => {
    expect(refusal(pair)).toMatch(/holds (__proto__|constructor|prototype), .*--json/);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test("are arguments like any other inside JSON, and reach no prototype", () => {
    const value = parseArgumentJson('{"__proto__":{"x":1}}', "--json");
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":1}}');
    expect((value as { x?: unknown }).x).toBeUndefined();
  });
});

describe("A87 keys that contradict each other", () => {
  test.each([
    [["a=1", "a.b=2"], '"a" is a value and "a.b" lies inside it'],
    [["a.b=2", "a=1"], '"a" is a value and "a.b" lies inside it'],
    [["a.b=1", "a.b.c.d=2"], '"a.b" is a value and "a.b.c.d" lies inside it'],
    [["a:={}", "a.b=1"], '"a" is a value and "a.b" lies inside it'],
    [["a=1", "a=1"], '"a" is given twice'],
  ])("%j", (pairs, message) => {
    expect(refusal(...pairs)).toContain(message);
  });
});

test.each([
  [["x"], '"x" is no argument of a task'],
  [["-", "x=1"], '"-" is no argument of a task'],
  [["=1"], "is empty"],
  [[":=1"], "is empty"],
  [["a..b=1"], "empty part"],
  [[".a=1"], "empty part"],
  [["a:=[1,"], "a:= is not JSON"],
  [["a:="], "a:= is not JSON"],
  [[`${"a.".repeat(64)}a=1`], "may have 64"],
  [[`a:=${"[".repeat(300)}${"]".repeat(300)}`], "nests deeper"],
])("what is no pair is refused: %j", (pairs, message) => {
  expect(refusal(...pairs)).toContain(message);
});

test("S14 a refusal does not repeat the value", () => {
  expect(refusal("password:=hunter2")).not.toContain("hunter2");
  expect(refusal("password=hunter2", "password=hunter3")).not.toContain("hunter");
});
