import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand, startCommand } from "./fixtures/run-command.ts";
import type { RunningCommand } from "./fixtures/run-command.ts";

const disks = join(import.meta.dirname, "fixtures", "disks.ts");

let directory: TemporaryDirectory;
let tracker: Tracker;

beforeEach(async () => {
  directory = await temporaryDirectory();
  tracker = new Tracker();
  await tracker.start();
});
afterEach(async () => {
  await tracker.stop({ graceMs: 0 });
  await directory[Symbol.asyncDispose]();
});

interface Ready {
  readonly ready: boolean;
  readonly sockets: Readonly<Record<string, string>>;
}

async function start(...args: readonly string[]): Promise<RunningCommand & Ready> {
  const provider = startCommand(["provider", disks, "--socket-dir", directory.path, ...args]);
  return { ...provider, ...(JSON.parse(await provider.line()) as Ready), [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose]() };
}

const waits = (provider: Ready, task = "wait"): Promise<unknown> => tracker.request(`unix://${provider.sockets[task] ?? ""}`, { task, timeoutMs: 15_000 });

/** Resolves once so many calls of a task run. */
async function running(provider: Ready, task: string, count: number): Promise<void> {
  for (;;) {
    const { tasks } = await tracker.request<{ tasks: { task: string; running: number }[] }>(`unix://${provider.sockets[task] ?? ""}`, { task: "acomm.describe" });
    if (tasks.find((one) => one.task === task)?.running === count) return;
  }
}

test("a provider says where it serves, serves, and leaves nothing behind", async () => {
  await using provider = await start();
  expect(provider.sockets).toMatchObject({ "disk-info": join(directory.path, "disk-info", "50-disks.sock") });
  expect(await tracker.request(`unix://${provider.sockets["disk-info"] ?? ""}`, { task: "disk-info", args: {} })).toEqual([{ name: "sda", bytes: 512_110_190_592 }]);
  provider.child.kill("SIGTERM");
  expect(await provider.result()).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^\{"ready":true,.*\}\n\{"stopped":true,"cut":0\}\n$/) });
  expect(await readdir(join(directory.path, "disk-info"))).toEqual([]);
});

test("F38 SIGTERM with a hundred requests under way: all are answered, new ones are refused, the exit is 0", async () => {
  await using provider = await start();
  const answers = Array.from({ length: 100 }, () => waits(provider));
  await running(provider, "wait", 100);
  provider.child.kill("SIGTERM");
  for (;;) { // on the connection that is kept it hears that the provider stops, on a new one that nobody is there
    const refusal = await tracker.request(`unix://${provider.sockets["disk-info"] ?? ""}`, { task: "disk-info", args: {} }).then(() => "", (error: unknown) => (error as { code: string }).code);
    if (refusal === "") continue; // the signal is still on its way
    expect(["stopping", "unavailable"]).toContain(refusal);
    break;
  }
  provider.child.kill("SIGUSR2");
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, () => "waited"));
  expect(await provider.result()).toMatchObject({ code: 0, stderr: "" });
});

test("F39 SIGTERM with a handler that never ends: it exits with 1 after --grace, says what it cut, and its sockets are gone", async () => {
  await using provider = await start("--grace", "1500ms");
  const answer = waits(provider, "deaf").catch((error: unknown) => error);
  await running(provider, "deaf", 1);
  const startedAt = performance.now();
  provider.child.kill("SIGTERM");
  const { code, stdout, stderr } = await provider.result();
  const elapsedMs = performance.now() - startedAt;
  expect(elapsedMs).toBeGreaterThan(1350);
  expect(elapsedMs).toBeLessThan(1900);
  expect(code).toBe(1);
  expect(stdout).toContain('{"stopped":true,"cut":1}\n');
  expect(stderr).toContain('"task":"deaf"');
  expect(await answer).toHaveProperty("code");
  expect(await readdir(join(directory.path, "deaf"))).toEqual([]);
});

test.each([["SIGTERM", 143], ["SIGINT", 130]] as const)("F40 a second %s ends it within 200 ms, with %d", async (signal, code) => {
  await using provider = await start("--grace", "30s");
  const answer = waits(provider, "deaf").catch((error: unknown) => error);
  await running(provider, "deaf", 1);
  provider.child.kill(signal);
  for (;;) if ((await tracker.request(`unix://${provider.sockets["wait"] ?? ""}`, { task: "wait", timeoutMs: 50 }).catch((error: unknown) => (error as { code: string }).code)) !== "timeout") break;
  const startedAt = performance.now();
  provider.child.kill(signal);
  expect(await provider.result()).toMatchObject({ code });
  expect(performance.now() - startedAt).toBeLessThan(200);
  expect(await answer).toHaveProperty("code");
});

describe("A91 a socket directory that can't be used exits with 2 and says why", () => {
  const refused = async (socketDir: string): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(["provider", disks, "--socket-dir", socketDir]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    return stderr;
  };

  test("a file, a link, one that everybody may write to", async () => {
    const file = join(directory.path, "file");
    await writeFile(file, "");
    expect(await refused(file)).toContain("a part of the path is not a directory");
    expect(await refused(join(file, "below"))).toContain("a part of the path is not a directory");
    const open = join(directory.path, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    expect(await refused(open)).toMatch(/everybody may write to .*open.*; --socket-dir chooses the directory/);
  });

  test("one whose name is too long for a socket", async () => {
    expect(await refused(join(directory.path, "d".repeat(85 - directory.path.length)))).toContain("the limit is 107");
  });

  test("one on a file system that takes nothing", async () => {
    expect(await refused("/sys/acomm")).toContain("permission denied");
  });

  test("one where a provider of this name runs already", async () => {
    await using provider = await start();
    expect(provider.ready).toBe(true);
    expect(await refused(directory.path)).toContain("a live process listens at");
  });

  test("a directory that is missing is made, a link to one is followed", async () => {
    const link = join(directory.path, "link");
    await mkdir(join(directory.path, "real"), { mode: 0o700 });
    await symlink(join(directory.path, "real"), link);
    for (const socketDir of [join(directory.path, "a", "b"), link]) {
      await using provider = startCommand(["provider", disks, "--socket-dir", socketDir]);
      expect(JSON.parse(await provider.line())).toMatchObject({ ready: true, sockets: { wait: join(socketDir, "wait", "50-disks.sock") } });
    }
  });
});

describe("A92 a module that can't be run exits with 2", () => {
  const run = async (code: string): Promise<string> => {
    const file = join(directory.path, "module.mjs");
    await writeFile(file, code);
    const result = await runCommand(["provider", file, "--socket-dir", directory.path]);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    return result.stderr;
  };

  test("because it is missing, fails, or exports no provider", async () => {
    expect((await runCommand(["provider", "./missing.ts"])).stderr).toMatch(/there is no module .*missing\.ts/);
    expect(await run("throw new Error('at once')")).toContain("module.mjs fails: at once");
    expect(await run("export default 1")).toContain("exports no provider");
    expect(await run("")).toContain("exports no provider");
  });

  test.each(["../x", "a/b", ""])("because its provider's name is %j", async (name) => {
    const packages = join(import.meta.dirname, "..", "..", "provider", "src", "index.ts");
    expect(await run(`import { Provider } from ${JSON.stringify(packages)}; export const provider = new Provider({ socketDir: process.env.ACOMM_SOCKET_DIR, name: ${JSON.stringify(name)} });`)).toContain("name must be 1 to 128");
  });
});
