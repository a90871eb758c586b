import { once } from "node:events";
import { watch } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { connectRaw } from "../fixtures/raw.ts";
import { runFixture } from "../fixtures/run-fixture.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { UnixListener } from "./listener.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

const modeOf = async (path: string): Promise<string> => ((await lstat(path)).mode & 0o7777).toString(8);
const messageOf = (path: string): Promise<string> => new UnixListener(path).start().then(() => "started", (error: unknown) => (error as Error).message);

describe("S1 modes", () => {
  for (const umask of [0o000, 0o022, 0o077]) {
    test(`the socket is 0600 and a directory that is made is 0700 under umask ${umask.toString(8).padStart(3, "0")}`, async () => {
      const fixture = runFixture("listen-with-umask", umask.toString(8), join(directory.path, "made", "deeper", "a.sock"));
      await using _ = fixture;
      expect(await fixture.message()).toBe("listening");
      expect(await modeOf(join(directory.path, "made", "deeper", "a.sock"))).toBe("600");
      expect(await modeOf(join(directory.path, "made", "deeper"))).toBe("700");
      expect(await modeOf(join(directory.path, "made"))).toBe("700");
    });
  }

  test("a directory that is there keeps its mode", async () => {
    await chmod(directory.path, 0o755);
    await using listener = new UnixListener(directory.socket("a"));
    await listener.start();
    expect(await modeOf(directory.path)).toBe("755");
    expect(await modeOf(directory.socket("a"))).toBe("600");
  });
});

describe("S3 the directory", () => {
  test("that its group or others may write to is refused, and nothing is made in it", async () => {
    for (const mode of [0o770, 0o707, 0o777]) {
      await chmod(directory.path, mode);
      expect(await messageOf(directory.socket("a"))).toMatch(`(mode ${mode.toString(8)})`);
    }
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("that is sticky, as /tmp is, is taken", async () => {
    await chmod(directory.path, 0o1777);
    await using listener = new UnixListener(directory.socket("a"));
    await listener.start();
    expect(await modeOf(directory.socket("a"))).toBe("600");
  });

  test.skipIf(process.getuid?.() !== 0)("that belongs to somebody else is refused", async () => {
    await chown(directory.path, 12_345, 12_345);
    expect(await messageOf(directory.socket("a"))).toMatch("belongs to uid 12345");
    await chown(directory.path, 0, 0);
  });

  test("that is a link or a file, or can't be made, is refused", async () => {
    await mkdir(join(directory.path, "real"));
    await symlink("real", join(directory.path, "link"));
    await writeFile(join(directory.path, "file"), "text");
    expect(await codeOf(new UnixListener(join(directory.path, "link", "a.sock")).start())).toBe("bad_address");
    expect(await codeOf(new UnixListener(join(directory.path, "file", "a.sock")).start())).toBe("bad_address");
    expect(await codeOf(new UnixListener(join(directory.path, "file", "deeper", "a.sock")).start())).toBe("bad_address");
    expect(await readdir(join(directory.path, "real"))).toEqual([]);
  });
});

describe("S4 what is at the path and no socket", () => {
  test("is refused and left alone: a file, a directory, a link", async () => {
    const path = directory.socket("a");
    await writeFile(path, "precious");
    expect(await messageOf(path)).toBe(`${path} is not a socket and is left alone: remove it or choose another path`);
    expect(await readFile(path, "utf8")).toBe("precious");
    await rm(path);

    await mkdir(path);
    expect(await codeOf(new UnixListener(path).start())).toBe("bad_address");
    expect((await lstat(path)).isDirectory()).toBe(true);
    await rm(path, { recursive: true });

    await using target = new UnixListener(directory.socket("target"));
    await target.start();
    for (const to of ["target.sock", "dangling"]) {
      await symlink(to, path);
      expect(await codeOf(new UnixListener(path).start())).toBe("bad_address");
      expect((await lstat(path)).isSymbolicLink()).toBe(true);
      await rm(path);
    }
  });
});

describe("what listens at the path", () => {
  test("F10 the socket file of a process killed with kill -9 is replaced", async () => {
    const path = directory.socket("a");
    await using killed = runFixture("listen", path);
    expect(await killed.message()).toBe("listening");
    const { ino } = await lstat(path);
    await killed.kill("SIGKILL");
    expect((await lstat(path)).ino).toBe(ino);
    await using listener = new UnixListener(path);
    await listener.start();
    expect((await lstat(path)).ino).not.toBe(ino);
    await using client = await connectRaw(path);
    expect(client.socket.readyState).toBe("open");
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
  });

  test("F10 what a process left that was killed while it published goes as well, and nothing else", async () => {
    const path = directory.socket("a");
    const made = new Set<string>();
    const watcher = watch(directory.path, (_event, name) => made.add(String(name)));
    await using listener = new UnixListener(path);
    await listener.start();
    const nestOf = async (): Promise<string> => {
      while (![...made].some((name) => name.startsWith(".a"))) await new Promise((resolve) => setImmediate(resolve));
      return [...made].find((name) => name.startsWith(".a"))!.slice(0, -6);
    };
    const prefix = await nestOf();
    watcher.close();
    await listener.stop();
    // with and without its socket; with something else in it; of another mode; a file; of another path
    for (const name of ["111111", "222222", "333333", "444444"]) await mkdir(join(directory.path, prefix + name), { mode: 0o700 });
    const server = createServer().listen(join(directory.path, `${prefix}111111`, "s"));
    await once(server, "listening");
    await rename(join(directory.path, `${prefix}111111`, "s"), join(directory.path, `${prefix}222222`, "s"));
    server.close();
    await writeFile(join(directory.path, `${prefix}333333`, "precious"), "");
    await chmod(join(directory.path, `${prefix}444444`), 0o755);
    await writeFile(join(directory.path, `${prefix}555555`), "");
    await mkdir(join(directory.path, ".aXXXXXXXX-666666"), { mode: 0o700 });
    await using next = new UnixListener(path);
    await next.start();
    expect((await readdir(directory.path)).toSorted()).toEqual(["a.sock", ".aXXXXXXXX-666666", `${prefix}333333`, `${prefix}444444`, `${prefix}555555`].toSorted());
  });

  test("a live one is refused and goes on", async () => {
    const path = directory.socket("a");
    await using first = new UnixListener(path);
    await first.start();
    const { ino } = await lstat(path);
    expect(await messageOf(path)).toBe(`a live process listens at ${path}: stop it or choose another path`);
    expect((await lstat(path)).ino).toBe(ino);
    await using client = await connectRaw(path);
    const taken = await first.nextConnection(); // the one that looked
    if (taken !== undefined) first.doneConnection(taken);
    expect(await first.nextConnection()).toBeDefined();
    expect(client.socket.readyState).toBe("open");
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
    await first.stop({ graceMs: 0 });
  });

  test("a live one with a full backlog is refused as well", async () => {
    const path = directory.socket("a");
    await using busy = runFixture("full-backlog", path);
    expect(await busy.message()).toBe("listening");
    await busy.stopped();
    const clients = await Promise.all([0, 1].map(() => connectRaw(path)));
    expect(await messageOf(path)).toMatch("a live process listens");
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  test("F11 of two that start at once in one process exactly one wins, every time", async () => {
    for (let round = 0; round < 50; round += 1) {
      const path = directory.socket(`race${round % 5}`);
      const both = [new UnixListener(path), new UnixListener(path)];
      const outcomes = await Promise.all(both.map((listener) => codeOf(listener.start())));
      expect(outcomes.toSorted()).toEqual(["bad_address", "fulfilled"]);
      await using client = await connectRaw(path);
      expect(client.socket.readyState).toBe("open");
      await Promise.all(both.map((listener) => listener.stop({ graceMs: 0 })));
      expect(await readdir(directory.path)).toEqual([]);
    }
  });

  test("F11 of two processes that start at once exactly one wins, also over a stale file", async () => {
    const path = directory.socket("a");
    const stale = runFixture("listen", path);
    await stale.message();
    await stale.kill("SIGKILL");
    await using first = runFixture("listen", path);
    await using second = runFixture("listen", path);
    expect([await first.message(), await second.message()].toSorted()).toEqual(["bad_address", "listening"]);
    await using client = await connectRaw(path);
    expect(client.socket.readyState).toBe("open");
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
  }, 40_000);

  test("F12 the stop of an old instance leaves the socket that has taken its place", async () => {
    const path = directory.socket("a");
    const old = new UnixListener(path);
    await old.start();
    await rename(path, directory.socket("elsewhere"));
    await using successor = new UnixListener(path);
    await successor.start();
    const { ino } = await lstat(path);
    await old.stop();
    expect((await lstat(path)).ino).toBe(ino);
    await using client = await connectRaw(path);
    expect(client.socket.readyState).toBe("open");
    await successor.stop({ graceMs: 0 });
  });

  test("stop does nothing where its file is gone already", async () => {
    const listener = new UnixListener(directory.socket("a"));
    await listener.start();
    await rm(directory.socket("a"));
    await listener.stop();
    expect(await readdir(directory.path)).toEqual([]);
  });
});
