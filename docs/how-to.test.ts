import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examplesOf, withoutChance } from "./cli-examples.ts";
import type { ExampleShell } from "./cli-examples.ts";
import { openExampleShell } from "./how-to-shell.ts";

const root = join(import.meta.dirname, "..");
const directory = join(import.meta.dirname, "how-to");

const pages = await Promise.all(
  (await readdir(directory)).filter((file) => file !== "README.md").sort().map(async (file) => ({ name: file.replace(/\.md$/, ""), text: await readFile(join(directory, file), "utf8") })),
);

test.each(pages.map(({ name, text }) => [name, text] as const))("the page %s has its example, and shows it", (name, text) => {
  expect(existsSync(join(root, "examples", name))).toBe(true);
  expect(text).toContain(`<!-- examples/${name}/`);
});

// a `console` block runs in a directory with the files of the example that has the page's name
describe.each(pages.map(({ name, text }) => [name, examplesOf(text)] as const).filter(([, examples]) => examples.length > 0))("every command of %s prints what the page says (else: pnpm docs:snippets)", (name, examples) => {
  let shell: ExampleShell;

  beforeAll(async () => {
    shell = await openExampleShell(name);
  });
  afterAll(async () => {
    await shell[Symbol.asyncDispose]();
  });

  // each works on what those before it have left
  test.each(examples.map(({ command, output }) => [command, output]))("%s", { timeout: 60_000 }, async (command, output) => {
    expect(withoutChance(await shell.run(command))).toBe(withoutChance(output));
  });
});
