import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRelease } from "../tooling/testing/release.ts";
import type { LoopbackRelease } from "../tooling/testing/release.ts";
import { freePort, examplesOf, withoutChance } from "./cli-examples.ts";
import { fencesOf } from "./fences.ts";
import { TutorialShell } from "./tutorial-shell.ts";

const page = await readFile(join(import.meta.dirname, "tutorial.md"), "utf8");
const folder = "acomm-tutorial";
const port = String(await freePort());

/** What a reader does, in the order of the page: save a file, or type a command and look at what it prints. */
type Step = { readonly save: string; readonly code: string } | { readonly command: string; readonly output: string };

const steps = fencesOf(page).flatMap((fence): Step[] => {
  if (fence.language === "console") return examplesOf(`\`\`\`console\n${fence.code}\`\`\``).map(({ command, output }) => ({ command, output }));
  return [{ save: basename(fence.source?.file ?? ""), code: fence.code }];
});

/** What the shell itself says of what runs in the background, which the page leaves out. */
const jobMessage = /^(?:bash: line \d+: +\d+|\[\d\]).*\n/gm;

/** What differs from one machine to the next: the version of Node.js, and how many packages npm installs in what time. */
function withoutMachine(text: string): string {
  return withoutChance(text).replace(/^v\d+\.\d+\.\d+$/gm, "VERSION").replace(/^added \d+ packages in \S+$/gm, "ADDED");
}

describe("the tutorial, word by word, in an empty folder", { timeout: 150_000 }, () => {
  let release: LoopbackRelease;
  let home: string;
  let shell: TutorialShell;

  beforeAll(async () => {
    release = await startRelease();
    await release.release("Followed by a reader of the tutorial");
    home = await realpath(await mkdtemp(join(tmpdir(), "tutorial-")));
    // on a terminal there would be tables
    const env = { ...release.env, HOME: home, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`, ACOMM_OUTPUT: "table" };
    shell = new TutorialShell(home, env);
  }, 300_000);
  afterAll(async () => {
    await shell[Symbol.asyncDispose]();
    await release.close();
    await rm(home, { recursive: true });
  });

  test.each(steps.map((step) => ["save" in step ? `save ${step.save}` : step.command, step] as const))("%s", async (_title, step) => {
    if ("save" in step) {
      await writeFile(join(home, folder, step.save), step.code);
      return;
    }
    const printed = await shell.run(step.command.replaceAll(/\b8080\b/g, port), step.output.split("\n").length);
    const shown = printed.replaceAll(home, "~").replaceAll(port, "8080").replace(jobMessage, "").trimEnd();
    expect(withoutMachine(shown)).toBe(withoutMachine(step.output));
  });
});
