import { parseUrl } from "@acomm/protocol";
import { createUnixTransport } from "@acomm/transport";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { EventEmitter } from "node:events";
import { link, mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { leaveDeadSocket, listenAt } from "./fixtures/sockets.ts";
import { until } from "./fixtures/until.ts";
import { ProviderDirectory } from "./provider-directory.ts";
import type { ProviderDirectoryInit } from "./provider-directory.ts";

let directory: TemporaryDirectory;
let socketDir: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  socketDir = join(directory.path, "s");
  onTestFinished(() => directory[Symbol.asyncDispose]());
});

const hour = 3_600_000;

async function open(init: Partial<ProviderDirectoryInit> = {}): Promise<ProviderDirectory> {
  const transport = createUnixTransport();
  const providers = new ProviderDirectory({ socketDir, check: ({ url }) => transport.probe!(parseUrl(url)).catch(() => false), rescanMs: hour, ...init });
  onTestFinished(() => { providers.close(); });
  await providers.start();
  return providers;
}

async function provide(task: string, file: string): Promise<void> {
  await mkdir(join(socketDir, task), { recursive: true });
  await listenAt(join(socketDir, task, file));
}

const readyOf = (providers: ProviderDirectory, task: string): string[] => (providers.find(task)?.all() ?? []).filter(({ state }) => state === "ready").map(({ provider }) => provider);

describe("providers are found", () => {
  test("that are there at the start: when it has started, it is known who may be asked", async () => {
    await provide("disk-info", "50-a.sock");
    await provide("disk-info", "007-b.sock");
    await leaveDeadSocket(join(socketDir, "disk-info", "01-dead.sock"));
    const providers = await open();
    expect(providers.find("disk-info")?.all().map(({ provider, priority, state }) => [provider, priority, state])).toEqual([["dead", 1, "aside"], ["b", 7, "ready"], ["a", 50, "ready"]]);
    expect([...providers.names()]).toEqual(["disk-info"]);
  });

  test("that come later, also with the directory of their task, and when they go they are asked no more", async () => {
    const providers = await open();
    expect(providers.find("late")).toBeUndefined();
    await provide("late", "50-a.sock");
    const late = providers.find("late"); // before any watch has told of it
    expect(late).toBeDefined();
    expect(await late!.untilReady(5000, new AbortController().signal)).toBe(true);
    await provide("late", "60-b.sock");
    await until(() => readyOf(providers, "late").length === 2);
    await unlink(join(socketDir, "late", "50-a.sock"));
    await until(() => readyOf(providers, "late").length === 1);
    await provide("other", "50-a.sock");
    await until(() => [...providers.names()].includes("other"));
  });

  test("anew where their socket is replaced, at once", async () => {
    await leaveDead("t", "50-a.sock");
    const providers = await open();
    expect(readyOf(providers, "t")).toEqual([]);
    const before = providers.find("t")!.all()[0];
    const path = join(socketDir, "t", "50-a.sock");
    await listenAt(join(socketDir, "new.sock"));
    await rename(join(socketDir, "new.sock"), path);
    await until(() => readyOf(providers, "t").length === 1);
    expect(providers.find("t")!.all()[0]).not.toBe(before);
    expect(before?.state).toBe("gone");
  });

  test("again after their directory, or the whole of it, was removed and made again", async () => {
    await provide("t", "50-a.sock");
    const providers = await open({ rescanMs: 200 });
    const t = providers.find("t");
    for (const path of [join(socketDir, "t"), socketDir]) {
      await rm(path, { recursive: true });
      await until(() => readyOf(providers, "t").length === 0);
      expect(providers.find("t")).toBe(t); // it had a provider
      await provide("t", "50-a.sock");
      await until(() => readyOf(providers, "t").length === 1);
    }
  });

  test("not twice and not by a name that could be taken for a path", async () => {
    await provide("t", "50-a.sock");
    const providers = await open();
    for (const name of ["", ".", "..", "../s/t", "t/", "/t", "t\0", "T", "t ", "\u202et"]) expect([name, providers.find(name)]).toEqual([name, undefined]);
  });
});

async function leaveDead(task: string, file: string): Promise<void> {
  await mkdir(join(socketDir, task), { recursive: true });
  await leaveDeadSocket(join(socketDir, task, file));
}

describe("what is no provider is passed over", () => {
  test("A42 the directories of the layout itself in any case, names that are none, plain files and links", async () => {
    for (const name of ["coordinator", "Response", "STREAMS", ".hidden", "with space", "ünknown"]) await provide(name, "50-a.sock");
    await writeFile(join(socketDir, "file"), "");
    await mkdir(join(directory.path, "elsewhere"));
    await symlink(join(directory.path, "elsewhere"), join(socketDir, "linked"));
    await mkdir(join(socketDir, "t"));
    const inTask = (name: string): string => join(socketDir, "t", name);
    for (const name of ["a.sock", "x-a.sock", "1000-a.sock", "50-.sock", "50-a.sock.bak", ".50-a.sock", "-1-a.sock"]) await listenAt(inTask(name));
    await writeFile(inTask("50-file.sock"), "");
    await mkdir(inTask("50-directory.sock"));
    await symlink(inTask("nowhere"), inTask("50-dangling.sock"));
    await symlink(join(socketDir, "coordinator", "50-a.sock"), inTask("50-link.sock"));
    await link(join(socketDir, "coordinator", "50-a.sock"), inTask("50-second-name.sock"));
    const providers = await open();
    expect([...providers.names()]).toEqual(["t"]);
    expect(providers.find("t")?.all()).toEqual([]);
    expect(providers.find("linked")).toBeUndefined();
    expect(providers.find("coordinator")).toBeUndefined();
  });

  test("a socket that must not be asked", async () => {
    await provide("t", "50-a.sock");
    const providers = await open({ isForbidden: (stats) => stats.isSocket() });
    expect(providers.find("t")?.all()).toEqual([]);
  });

  test("F43 a thousand dead sockets, files and dangling links: the one that lives is there within a second, and when it comes again too", async () => {
    await mkdir(join(socketDir, "t"), { recursive: true });
    for (let index = 0; index < 1000; index += 1) {
      const path = join(socketDir, "t", `${String(index % 90).padStart(2, "0")}-junk${index}.sock`);
      if (index % 3 === 0) await leaveDeadSocket(path);
      else if (index % 3 === 1) await writeFile(path, "");
      else await symlink("nowhere", path);
    }
    await provide("t", "99-live.sock");
    const startedAt = performance.now();
    const providers = await open();
    expect(providers.find("t")?.choose()?.provider).toBe("live");
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await unlink(join(socketDir, "t", "99-live.sock"));
    await until(() => providers.find("t")?.choose() === undefined);
    const againAt = performance.now();
    await provide("t", "99-live.sock");
    await until(() => providers.find("t")?.choose()?.provider === "live");
    expect(performance.now() - againAt).toBeLessThan(1000);
  });
});

describe("a watch", () => {
  test("that can't be had, as where there are none left, is replaced by looking", async () => {
    const providers = await open({ rescanMs: 200, watch: () => { throw Object.assign(new Error("no space left"), { code: "ENOSPC" }); } });
    await provide("t", "50-a.sock");
    await until(() => readyOf(providers, "t").length === 1);
    await unlink(join(socketDir, "t", "50-a.sock"));
    await until(() => readyOf(providers, "t").length === 0);
  });

  test("that fails later is survived and made again", async () => {
    const watchers: EventEmitter[] = [];
    const providers = await open({
      rescanMs: 200,
      watch: () => {
        const watcher = Object.assign(new EventEmitter(), { close: () => undefined });
        watchers.push(watcher);
        return watcher as unknown as FSWatcher;
      },
    });
    expect(watchers).toHaveLength(1);
    watchers[0]!.emit("error", new Error("gone"));
    await provide("t", "50-a.sock");
    await until(() => readyOf(providers, "t").length === 1);
    await until(() => watchers.length >= 3); // of both directories
  });
});

test("a directory that can't be one is refused", async () => {
  for (const socketDir of ["relative", "/a\0b", `/${"x".repeat(100)}`]) expect([socketDir, await codeOf(open({ socketDir }))]).toEqual([socketDir, "bad_address"]);
});
