import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { KnownText, noteBytes } from "./known-text.ts";

afterEach(() => { noteBytes(""); });

/** Notes the bytes of an ASCII text, as they are read from a chunk. */
function read(text: string): string {
  noteBytes(text, Buffer.from(`header${text}`).subarray(6)); // seldom aligned
  return text;
}

describe("KnownText", () => {
  test("stands where the text has it, by its characters and by its bytes", () => {
    const ascii = fc.string({ unit: "binary-ascii", maxLength: 12 });
    fc.assert(fc.property(ascii, fc.string({ unit: "binary-ascii", minLength: 4, maxLength: 30 }), ascii, fc.nat(60), (before, piece, after, start) => {
      const known = new KnownText(piece);
      for (const text of [before + piece + after, before + piece.slice(1) + after, before + piece.slice(0, -1)]) {
        for (const at of [start, before.length, -1]) {
          const stands = at >= 0 && text.startsWith(piece, at) && at + piece.length <= text.length;
          expect(known.standsAt(text, at)).toBe(stands);
          read(text);
          for (let turn = 0; turn < 2; turn += 1) expect(known.standsAt(text, at)).toBe(stands);
          noteBytes("");
        }
      }
    }));
  });

  test("every byte counts", () => {
    const piece = '{"error":"","id":"b';
    const known = new KnownText(piece);
    expect(known.standsAt(read(piece), 0)).toBe(true);
    for (let at = 0; at < piece.length; at += 1) expect(known.standsAt(read(`${piece.slice(0, at)}~${piece.slice(at + 1)}`), 0)).toBe(false);
  });

  test("what is not ASCII stands in no text that is", () => {
    const known = new KnownText("Straße");
    expect(known.standsAt("in der Straße", 7)).toBe(true);
    for (const text of ["Strasse", "Stra\u0000e", "Stra_e!"]) expect(known.standsAt(read(text), 0)).toBe(false);
  });

  test("the bytes of another text are not looked at", () => {
    const known = new KnownText("abcd");
    expect(known.standsAt(read("abcd"), 0)).toBe(true);
    expect(known.standsAt("xabcd", 1)).toBe(true);
    expect(known.standsAt("xabcd", 0)).toBe(false);
  });
});
