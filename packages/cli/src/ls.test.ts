import { AcommError } from "@acomm/protocol";
import { temporaryDirectory } from "@acomm/testing";
import { serve, UnixListener } from "@acomm/transport";
import { providerSocketPath } from "@acomm/tracker";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "./fixtures/run-command.ts";
import { startSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

const lines = (stdout: string): unknown[] => stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);

test("every coordinator and every task of a provider is a line of JSON", async () => {
  const { code, stdout } = await system.acomm(["ls"]);
  expect(code).toBe(0);
  const idle = { state: "ok", running: 0, queued: 0, done: 0, failed: 0, pid: system.provider.child.pid, uptimeMs: expect.any(Number) };
  expect(lines(stdout)).toEqual([
    { coordinator: "main", state: "ok", pid: system.door.child.pid, http: "http://127.0.0.1:8080/", inFlight: 2, uptimeMs: 125_000 },
    ...["copy", "deaf", "disk-info", "image", "wait"].map((task) => ({ task, provider: "disks", priority: 50, ...idle })),
  ]);
});

test("they are tables for people", async () => {
  const { stdout } = await system.acomm(["ls", "-o", "table"]);
  expect(stdout).toMatch(/^COORDINATOR {2}STATE {2}IN FLIGHT {5}UP {2}HTTP\nmain {9}ok {13}2 {2}2m 5s {2}http:\/\/127\.0\.0\.1:8080\/\n\nTASK {7}PROVIDER {2}PRIORITY {2}STATE {2}RUNNING {2}WAITING {2}DONE {2}FAILED +UP\n/);
  expect(stdout).toMatch(/\ndisk-info {2}disks {11}50 {2}ok {11}0 {8}0 {5}0 {7}0 +\d/);
});

describe("what else may stand in a directory", () => {
  test("F43 the dead, the silent and those that describe nothing are told apart; files, links and strange names are passed over", async () => {
    await using directory = await temporaryDirectory();
    const place = (provider: string, priority = 50): string => providerSocketPath(directory.path, { task: "echo", priority, provider });
    const plain = new UnixListener(place("plain", 7));
    await plain.start();
    await using _service = serve(plain, () => { throw new AcommError("unknown_task", "no such task"); });
    const dead = createServer();
    await new Promise<void>((resolve) => { dead.listen(place("gone"), resolve); });
    const silent = createServer();
    await new Promise<void>((resolve) => { silent.listen(place("silent", 60), resolve); });
    await writeFile(join(directory.path, "echo", "50-file.sock"), "");
    await symlink(place("gone"), join(directory.path, "echo", "50-link.sock"));
    await mkdir(join(directory.path, "streams"));
    await mkdir(join(directory.path, ".hidden"));
    await writeFile(join(directory.path, "note"), "");
    dead.removeAllListeners();
    // its process is gone, its file is left
    (dead as unknown as { _handle: { close(): void } })._handle.close();
    await writeFile(join(directory.path, "x"), "");
    const { code, stdout } = await runCommand(["ls", "--socket-dir", directory.path, "--timeout", "300ms"]);
    silent.close();
    expect(code).toBe(0);
    expect(lines(stdout)).toMatchObject([
      { task: "echo", provider: "plain", priority: 7, state: "up" },
      { task: "echo", provider: "silent", priority: 60, state: "silent" },
    ]);
  });

  test("nothing: an empty table and a hint", async () => {
    await using directory = await temporaryDirectory();
    expect(await runCommand(["ls", "--socket-dir", directory.path])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await runCommand(["ls", "--socket-dir", directory.path, "-o", "table"])).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("start a provider with acomm provider") });
  });

  test("A91 no directory exits with 4, something else in its place with 2", async () => {
    await using directory = await temporaryDirectory();
    const missing = join(directory.path, "missing");
    expect(await runCommand(["ls", "--socket-dir", missing])).toMatchObject({ code: 4, stderr: `acomm: unavailable: there is no socket directory ${missing}: the first provider or coordinator makes it, or choose another with --socket-dir\n` });
    const file = join(directory.path, "file");
    await writeFile(file, "");
    expect(await runCommand(["ls", "--socket-dir", file])).toMatchObject({ code: 2, stderr: expect.stringContaining(`${file} can't be read (ENOTDIR)`) });
  });
});

test("F1 a provider that was killed is shown as dead", async () => {
  await using other = await startSystem();
  other.provider.child.kill("SIGKILL");
  await other.provider.result();
  const { stdout } = await other.acomm(["ls"]);
  expect(lines(stdout)).toContainEqual({ task: "wait", provider: "disks", priority: 50, state: "dead" });
});
