import { temporaryDirectory } from "@acomm/testing";
import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete } from "./complete.ts";
import { runCommand } from "./fixtures/run-command.ts";
import { startSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";

const run = promisify(execFile);
let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

describe("what fits", () => {
  test.each([
    [[""], ["coordinator", "provider", "call", "ls", "describe", "stream", "bench", "top", "completion"]],
    [["co"], ["coordinator", "completion"]],
    [["--v"], ["--version"]],
    [["call", "--stream-"], ["--stream-in", "--stream-out"]],
    [["call", "-o", ""], ["auto", "table", "json"]],
    [["call", "--timeout", ""], []],
    [["completion", ""], ["bash", "zsh", "fish"]],
    [["nothing", ""], []],
    [["ls", ""], []],
    [["provider", "./"], []],
    [[], ["coordinator", "provider", "call", "ls", "describe", "stream", "bench", "top", "completion"]],
  ])("%j", async (words, expected) => {
    expect(await complete(words, { ACOMM_SOCKET_DIR: "/nonexistent" })).toEqual(expected);
  });

  test("tasks come out of the socket directory, wherever it is named", async () => {
    const environment = { ACOMM_SOCKET_DIR: system.socketDir };
    expect(await complete(["call", "d"], environment)).toEqual(["deaf", "disk-info"]);
    expect(await complete(["describe", "-o", "json", "c"], environment)).toEqual(["copy"]);
    expect(await complete(["bench", "--socket-dir", system.socketDir, "i"], {})).toEqual(["image"]);
    expect(await complete(["call", "disk-info", ""], environment)).toEqual([]);
    expect(await complete(["call", ""], { ACOMM_SOCKET_DIR: "/nonexistent" })).toEqual([]);
  });
});

test("bash completes with the script", async () => {
  await using directory = await temporaryDirectory();
  const command = join(directory.path, "acomm");
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' --conditions=@acomm/source '${join(import.meta.dirname, "main.ts")}' "$@"\n`);
  await chmod(command, 0o755);
  const program = `source <(acomm completion bash); COMP_WORDS=(acomm call dis); COMP_CWORD=2; _acomm; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run("bash", ["-c", program], { env: { PATH: `${directory.path}:${process.env["PATH"] ?? ""}`, ACOMM_SOCKET_DIR: system.socketDir } });
  expect(stdout).toBe("disk-info\n");
});

test("another shell has none", async () => {
  expect(await runCommand(["completion", "tcsh"])).toMatchObject({ code: 2, stderr: expect.stringContaining("the shells are bash, zsh, fish") });
  for (const shell of ["zsh", "fish"]) expect((await runCommand(["completion", shell])).stdout).toContain("acomm complete --");
});
