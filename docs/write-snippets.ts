/** Writes the code that the pages show, and what it and the commands print, out of the files that they name. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withOutputs } from "./how-to-shell.ts";
import { readPages, withSources } from "./snippets.ts";

for (const page of await readPages()) {
  const [, howTo] = /^docs\/how-to\/([\w-]+)\.md$/.exec(page.file) ?? [];
  const shown = await withSources(page);
  const text = howTo === undefined ? shown : await withOutputs(howTo, shown);
  if (text === page.text) continue;
  await writeFile(join(import.meta.dirname, "..", page.file), text);
  console.log(page.file);
}
