import { PassThrough } from "node:stream";
import type { WriteStream } from "node:tty";
import { expect, test } from "vitest";
import { Output, printable } from "./output.ts";

/** A stream that says it is a terminal of this width. */
function terminal(columns: number): WriteStream {
  return Object.assign(new PassThrough(), { isTTY: true, columns, rows: 10, getColorDepth: () => 8, hasColors: () => true }) as unknown as WriteStream;
}

const pipe = (): WriteStream => Object.assign(new PassThrough(), { isTTY: false }) as unknown as WriteStream;

test("results are for people on a terminal and for programs elsewhere, unless somebody chooses", () => {
  const { stderr } = process;
  expect(new Output("auto", { stdout: terminal(100), stderr }).format).toBe("table");
  expect(new Output("auto", { stdout: pipe(), stderr }).format).toBe("json");
  expect(new Output("json", { stdout: terminal(100), stderr }).format).toBe("json");
  expect(new Output("table", { stdout: pipe(), stderr }).format).toBe("table");
});

test("a result is as wide as the terminal", () => {
  expect(new Output("auto", { stdout: terminal(100), stderr: pipe() })).toMatchObject({ columns: 100, rows: 10, isTerminal: true, isNotesTerminal: false });
  expect(new Output("table", { stdout: pipe(), stderr: pipe() })).toMatchObject({ columns: 80, rows: 24, isTerminal: false });
});

test("nothing has colours elsewhere", () => {
  const output = new Output("table", { stdout: pipe(), stderr: pipe() });
  expect(output.paint("red", "x")).toBe("x");
  expect(output.paintNote("red", "x")).toBe("x");
});

test("what would steer a terminal is written as an escape", () => {
  expect(printable("a\u001b[31mb\u009bc\u202ed\ne\u0000")).toBe("a\\u001b[31mb\\u009bc\\u202ed\\u000ae\\u0000");
});
