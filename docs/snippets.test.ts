import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fencesOf, withCode } from "./fences.ts";
import { readPages, snippetOf, withSources } from "./snippets.ts";

const root = join(import.meta.dirname, "..");
const pages = await readPages();
const sourced = pages.filter(({ text }) => fencesOf(text).some(({ source }) => source !== undefined));

describe("the code in a page is the code of the file that it names (else: pnpm docs:snippets)", () => {
  test.each(sourced.map((page) => [page.file, page] as const))("%s", { timeout: 120_000 }, async (_file, page) => {
    expect(await withSources(page)).toBe(page.text);
  });
});

describe("in how-to pages and the tutorial all code has a source that is tested", () => {
  const tested = pages.filter(({ file }) => file === "docs/tutorial.md" || file.startsWith("docs/how-to/"));
  const isCode = /^(?:ts|js|go|html|sh|bash|ini|dockerfile|json|yaml)$/;

  test.each(tested.map(({ file, text }) => [file, text] as const))("%s", (_file, text) => {
    const fences = fencesOf(text);
    expect(fences.filter(({ language, source }) => isCode.test(language) && source === undefined).map(({ code }) => code)).toEqual([]);
    for (const { source } of fences) if (source !== undefined) expect([source.file, existsSync(join(root, source.file))]).toEqual([source.file, true]);
  });
});

describe("a snippet", () => {
  const text = "a\n\n  // #region one\n  b\n    c\n  // #region two\n  d\n  // #endregion\n  // #endregion\ne\n";

  test("is a whole file without the marks of regions", () => {
    expect(snippetOf(text, undefined, "x")).toBe("a\n\n  b\n    c\n  d\ne\n");
  });

  test("is a region with what lies in it, without its indentation", () => {
    expect(snippetOf(text, "one", "x")).toBe("b\n  c\nd\n");
    expect(snippetOf(text, "two", "x")).toBe("d\n");
  });

  test("has marks as its language writes comments", () => {
    expect(snippetOf("[Unit]\n# #region one\na=b\n# #endregion\n", "one", "x")).toBe("a=b\n");
    expect(snippetOf("<p>\n<!-- #region one -->\n<b>\n<!-- #endregion -->\n", "one", "x")).toBe("<b>\n");
  });

  test("of a region that is not there is an error", () => {
    expect(() => snippetOf(text, "three", "x.ts")).toThrow("x.ts has no region three");
  });
});

describe("a fence", () => {
  const page = "Text.\n\n<!-- examples/a/main.ts#one -->\n```ts\nold\n```\n\n<!-- a note -->\n```text\nas it is\n```\n\n<!-- examples/a/main.ts prints -->\n```text\nold\n```\n";

  test("knows its source", () => {
    expect(fencesOf(page).map(({ language, source }) => [language, source])).toEqual([
      ["ts", { file: "examples/a/main.ts", region: "one", isPrinted: false }],
      ["text", undefined],
      ["text", { file: "examples/a/main.ts", region: undefined, isPrinted: true }],
    ]);
  });

  test("gets other code and leaves the rest of the page as it is", () => {
    expect(withCode(page, ({ source }) => (source === undefined ? undefined : "new\n"))).toBe(page.replaceAll("old", "new"));
  });
});
