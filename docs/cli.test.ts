import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../packages/cli/src/commands.ts";
import { examplesOf, ExampleShell, withoutChance } from "./cli-examples.ts";

const page = await readFile(join(import.meta.dirname, "cli.md"), "utf8");
const examples = examplesOf(page);
let shell: ExampleShell;

beforeAll(async () => {
  const [, module = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  shell = await ExampleShell.open({ "disks.ts": module });
});
afterAll(async () => {
  await shell[Symbol.asyncDispose]();
});

describe("every example of cli.md prints what the page says", () => {
  // each works on what those before it have left
  test.each(examples.map(({ command, output }) => [command, output]))("%s", { timeout: 60_000 }, async (command, output) => {
    expect(withoutChance(await shell.run(command))).toBe(withoutChance(output));
  });
});

test("every command has its help on the page", () => {
  const helped = examples.flatMap(({ command }) => /^acomm (\w+) --help$/.exec(command)?.[1] ?? []);
  expect(helped.sort()).toEqual(commands.map(({ name }) => name).sort());
});
