import { temporaryDirectory } from "@acomm/testing";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..");

test("the example of the README runs, and leaves no socket", async () => {
  await using directory = await temporaryDirectory();
  const page = await readFile(join(root, "README.md"), "utf8");
  const [, program = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  expect(program).toContain("/run/acomm");
  // inside the package, whose own name then leads to its sources
  await mkdir(join(root, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(root, ".cache", "readme-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "main.ts"), program.replaceAll("/run/acomm", directory.path));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--disable-warning=ExperimentalWarning", "--conditions=@acomm/source", join(folder, "main.ts")]);
  expect([stdout, stderr]).toEqual(["[ 'sda', 'sdb' ]\n", ""]);
  expect((await readdir(directory.path, { recursive: true })).filter((name) => name.endsWith(".sock"))).toEqual([]);
});
