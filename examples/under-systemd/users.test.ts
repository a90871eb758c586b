import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const group = 4242;
const acomm = join(dirname(fileURLToPath(import.meta.resolve("acomm/package.json"))), "bin", "acomm.js");
const args = (...command: string[]): string[] => ["--conditions=@acomm/source", "--disable-warning=ExperimentalWarning", acomm, ...command];
const env = { PATH: process.env["PATH"], HOME: "/nonexistent" };
/** Root can become anybody, and anybody must be able to read the sources. */
const canBeOthers = process.getuid?.() === 0 && spawnSync(process.execPath, args("--help"), { uid: 4301, gid: group, env }).status === 0;

test.runIf(canBeOthers)("with the directories of acomm.tmpfiles.conf, services of several users share a socket directory", { timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "acomm-users-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await chmod(directory, 0o755);
  const conf = await readFile(join(import.meta.dirname, "acomm.tmpfiles.conf"), "utf8");
  for (const [, path = "", mode = ""] of conf.matchAll(/^d (\S+) +(\d+) root acomm -$/gm)) {
    await mkdir(join(directory, path), { recursive: true });
    await chown(join(directory, path), 0, group);
    await chmod(join(directory, path), parseInt(mode, 8));
  }
  const socketDir = join(directory, "run", "acomm");
  const words = join(import.meta.dirname, "words.ts");
  const start = async (uid: number, ...command: string[]): Promise<void> => {
    const child = spawn(process.execPath, args(...command, "-d", socketDir), { uid, gid: group, env, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(async () => {
      child.kill();
      await once(child, "exit");
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    expect(line.toString()).toContain('"ready":true');
  };
  await start(4301, "provider", words);
  await start(4302, "coordinator");
  const call = (uid: number, gid: number, ...target: string[]) => spawnSync(process.execPath, args("call", "count-words", "--json", '"one two"', ...target), { uid, gid, env, encoding: "utf8" });
  expect(call(4302, group, "-d", socketDir)).toMatchObject({ status: 0, stdout: "2\n" });
  const socket = ["--url", `unix://${socketDir}/count-words/50-words.sock`];
  expect(call(4303, group, ...socket)).toMatchObject({ status: 0, stdout: "2\n" });
  expect(call(4303, 4303, ...socket)).toMatchObject({ status: 2, stderr: expect.stringContaining("permission denied") });
});
