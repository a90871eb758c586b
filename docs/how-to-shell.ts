import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { examplesOf, ExampleShell, withoutChance } from "./cli-examples.ts";
import { withCode } from "./fences.ts";

const root = join(import.meta.dirname, "..");

/** A shell in a directory with the files of an example. */
export async function openExampleShell(example: string): Promise<ExampleShell> {
  const directory = join(root, "examples", example);
  const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
  return ExampleShell.open(Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(join(directory, file), "utf8")] as const))));
}

/** A how-to page whose `console` blocks show what its commands print; what differs by chance alone stays. */
export async function withOutputs(example: string, page: string): Promise<string> {
  const examples = examplesOf(page);
  if (examples.length === 0) return page;
  await using shell = await openExampleShell(example);
  for (const one of examples) {
    const printed = await shell.run(one.command);
    if (withoutChance(printed) !== withoutChance(one.output)) one.output = printed;
  }
  return withCode(page, ({ language, code }) =>
    language === "console" ? examples.splice(0, examplesOf(`\`\`\`console\n${code}\`\`\``).length).map(({ command, output }) => `$ ${command}\n${output === "" ? "" : `${output}\n`}`).join("") : undefined,
  );
}
