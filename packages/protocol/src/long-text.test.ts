import { expect, test } from "vitest";
import { joinPieces, takePieces } from "./long-text.ts";

const body = "b".repeat(64 * 1024);

test("the pieces of a long text can be taken once, those of others are the text", () => {
  const text = joinPieces("head", body, "tail");
  expect(text).toBe(`head${body}tail`);
  expect(takePieces("other")).toEqual(["other"]);
  expect(takePieces(text)).toEqual(["head", body, "tail"]);
  expect(takePieces(text)).toEqual([text]);
});

test("short texts are not remembered, nor those that would take much memory", () => {
  for (const length of [0, 1000, 2 * 1024 * 1024]) {
    const text = joinPieces("head", "b".repeat(length), "tail");
    expect(takePieces(text)).toEqual([text]);
  }
});

test("of two only the last is remembered", () => {
  const texts = ["one", "two"].map((head) => joinPieces(head, body, ""));
  expect(texts.map((text) => takePieces(text).length)).toEqual([1, 3]);
});
