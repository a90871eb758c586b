import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).error === undefined;
const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".service"));

/** What systemd has to say about units, with a command that is there in place of `acomm`. */
async function complaints(change: (text: string) => string = (text) => text): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "acomm-units-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const paths = await Promise.all(files.map(async (file) => {
    const path = join(directory, file.replace("@.", "@words."));
    await writeFile(path, change((await readFile(join(import.meta.dirname, file), "utf8")).replaceAll("/usr/bin/acomm", "/bin/true")));
    return path;
  }));
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", ...paths]).catch((error: unknown) => error as { stdout: string; stderr: string });
  return stdout + stderr;
}

test.runIf(hasSystemd)("systemd finds nothing wrong with the units", async () => {
  expect(await complaints()).toBe("");
});

test.runIf(hasSystemd)("and would find a key that it doesn't know", async () => {
  expect(await complaints((text) => text.replace("TimeoutStopSec", "TimeoutStoppSec"))).toContain("TimeoutStoppSec");
});

test.each(files)("%s gives a stop more time than the drain takes, and keeps the directory that others use", async (file) => {
  const text = await readFile(join(import.meta.dirname, file), "utf8");
  const [graceS, stopS] = [/--grace (\d+)s/, /^TimeoutStopSec=(\d+)s$/m].map((pattern) => Number(pattern.exec(text)?.[1]));
  expect(stopS).toBeGreaterThan(graceS ?? Infinity);
  expect(text).toContain("\nRuntimeDirectoryPreserve=yes\n");
});
