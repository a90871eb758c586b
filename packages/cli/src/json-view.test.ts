import { expect, test } from "vitest";
import { viewJson } from "./json-view.ts";

const view = (text: string, columns = 80): string => viewJson(text, columns, (_style, part) => part);

test("what is short stays on a line", () => {
  expect(view('{"a":1,"b":[1,2]}')).toBe('{\n  "a": 1,\n  "b": [1, 2]\n}');
  expect(view('{"a":1,"b":"x, y: {z}"}')).toBe('{ "a": 1, "b": "x, y: {z}" }');
  expect(view("[]")).toBe("[]");
  expect(view("{}")).toBe("{}");
  expect(view('"x"')).toBe('"x"');
  expect(view("null")).toBe("null");
});

test("what is long has a line for each member", () => {
  expect(view('{"name":"a disk","bytes":12345678}', 40)).toBe('{\n  "name": "a disk",\n  "bytes": 12345678\n}');
  expect(view('[{"a":1},{"b":{}}]')).toBe('[\n  { "a": 1 },\n  {\n    "b": {}\n  }\n]');
});

test("A30 numbers keep the digits that they came with", () => {
  expect(view("[9007199254740993,1e400,-0,1.0]")).toBe("[9007199254740993, 1e400, -0, 1.0]");
});

test("what would steer a terminal is written as an escape", () => {
  expect(view('["\u009b31m","\u202e","\\u001b[2J","\\""]')).toBe('["\\u009b31m", "\\u202e", "\\u001b[2J", "\\""]');
});

test("a parser reads the same from it", () => {
  const value = { a: [1, [], {}, [[]], { b: null }], "k\n": 'é"\\', c: { d: { e: [true, false, -1.5e-7] } } };
  expect(JSON.parse(view(JSON.stringify(value)))).toEqual(value);
});
