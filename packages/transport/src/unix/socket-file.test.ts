import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, watch } from "node:fs";
import { chmod, chown, lchown, link, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { connectRaw } from "../fixtures/raw.ts";
import { runFixture } from "../fixtures/run-fixture.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { UnixListener } from "./listener.ts";
import type { UnixListenerOptions } from "./listener.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

const modeOf = async (path: string): Promise<string> => ((await lstat(path)).mode & 0o7777).toString(8);
const messageOf = (path: string, options?: UnixListenerOptions): Promise<string> => new UnixListener(path, options).start().then(() => "started", (error: unknown) => (error as Error).message);
const isRoot = process.getuid?.() === 0;
/** Whether a watcher is told of a change within a turn of the event loop. */
const hasInotify = process.platform === "linux";
/** A group of this process that is not its own, if there is one; root may take any. */
const aGroup = isRoot ? 54_321 : (process.getgroups?.().find((group) => group !== process.getgid?.()) ?? process.getgid?.());

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

  for (const umask of [0o000, 0o022, 0o077]) {
    test(`for a group the socket is 0660 and a directory that is made is 0750, both the group's, under umask ${umask.toString(8).padStart(3, "0")}`, async () => {
      const made = join(directory.path, "made");
      const path = join(made, "deeper", "a.sock");
      await using fixture = runFixture("listen-with-umask", umask.toString(8), path, String(aGroup));
      expect(await fixture.message()).toBe("listening");
      for (const [there, mode] of [[made, "750"], [join(made, "deeper"), "750"], [path, "660"]] as const) {
        expect([there, await modeOf(there), (await lstat(there)).gid]).toEqual([there, mode, aGroup]);
      }
      expect(await modeOf(directory.path)).toBe("700");
    });
  }

  test("for a group a directory that is there keeps its mode and group", async () => {
    const { gid } = await lstat(directory.path);
    await using listener = new UnixListener(directory.socket("a"), { group: aGroup });
    await listener.start();
    expect([await modeOf(directory.path), (await lstat(directory.path)).gid]).toEqual(["700", gid]);
    expect([await modeOf(directory.socket("a")), (await lstat(directory.socket("a"))).gid]).toEqual(["660", aGroup]);
  });

  test.skipIf(!isRoot)("its members may connect, others may not", async () => {
    await chmod(directory.path, 0o755);
    const path = join(directory.path, "made", "a.sock");
    await using listener = new UnixListener(path, { group: 54_321 });
    await listener.start();
    await using closed = new UnixListener(join(directory.path, "made", "closed.sock"));
    await closed.start();
    await using member = runFixture("connect-as", "12345", "54321", path);
    await using stranger = runFixture("connect-as", "12345", "54322", path);
    await using curious = runFixture("connect-as", "12345", "54321", closed.address);
    expect(await Promise.all([member, stranger, curious].map((fixture) => fixture.message()))).toEqual(["connected", "EACCES", "EACCES"]);
  });

  test.skipIf(isRoot)("a group that this process is no member of is refused", async () => {
    expect(await messageOf(directory.socket("a"), { group: 0 })).toMatch("of which this process must be a member");
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("what is no group is refused by name", () => {
    for (const group of [-1, 0.5, Number.NaN, 2 ** 32 - 1, "0"]) expect(thrownBy(() => new UnixListener(directory.socket("a"), { group: group as number }))).toMatchObject({ code: "bad_field", message: expect.stringMatching(/^group must be/) as string });
  });

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

  test.skipIf(!isRoot)("that belongs to somebody else is refused", async () => {
    await chown(directory.path, 12_345, 12_345);
    expect(await messageOf(directory.socket("a"))).toMatch("belongs to uid 12345");
    await chown(directory.path, 0, 0);
  });

  test.runIf(process.platform === "linux")("in a file system that takes none is refused at once, however deep", async () => {
    expect(await codeOf(new UnixListener("/proc/acomm/b/c/a.sock").start())).toBe("bad_address");
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

describe("S3 what is above the directory", () => {
  const deep = (): string => join(directory.path, "above", "ours", "a.sock");

  test("and that everybody may write to is refused, and nothing is made in it; a sticky one is taken", async () => {
    const above = join(directory.path, "above");
    await mkdir(above);
    for (const mode of [0o777, 0o703]) {
      await chmod(above, mode);
      expect(await messageOf(deep())).toBe(`everybody may write to ${above}, above the socket directory ${join(above, "ours")}, and so replace what is below it: take that right away with chmod o-w`);
    }
    expect(await readdir(above)).toEqual([]);
    for (const mode of [0o1777, 0o775]) {
      await chmod(above, mode);
      await using listener = new UnixListener(deep());
      await listener.start();
      expect(await modeOf(join(above, "ours"))).toBe("700");
    }
  });

  test.skipIf(!isRoot)("and that belongs to somebody else is refused, be it sticky or a link", async () => {
    const above = join(directory.path, "above");
    await mkdir(above);
    await chown(above, 12_345, 12_345);
    for (const mode of [0o755, 0o1777]) {
      await chmod(above, mode);
      expect(await messageOf(deep())).toMatch(`${above}, above the socket directory ${join(above, "ours")}, belongs to uid 12345`);
    }
    expect(await readdir(above)).toEqual([]);
    await mkdir(join(directory.path, "real"));
    await symlink("real", join(directory.path, "link"));
    const path = join(directory.path, "link", "ours", "a.sock");
    await lchown(join(directory.path, "link"), 12_345, 12_345);
    expect(await messageOf(path)).toMatch("belongs to uid 12345");
    expect(await readdir(join(directory.path, "real"))).toEqual([]);
    await lchown(join(directory.path, "link"), 0, 0);
    await using listener = new UnixListener(path);
    await listener.start();
    expect(await readdir(join(directory.path, "real", "ours"))).toEqual(["a.sock"]);
  });

  test("is looked at where links lead as well, to no end if they do", async () => {
    await mkdir(join(directory.path, "open", "inner"), { recursive: true });
    await chmod(join(directory.path, "open"), 0o777);
    await symlink(join(directory.path, "open", "inner"), join(directory.path, "absolute"));
    await symlink("absolute", join(directory.path, "relative"));
    for (const name of ["absolute", "relative"]) expect(await messageOf(join(directory.path, name, "ours", "a.sock"))).toMatch(`everybody may write to ${join(directory.path, "open")}, `);
    expect(await readdir(join(directory.path, "open", "inner"))).toEqual([]);
    await symlink("loop", join(directory.path, "loop"));
    expect(await messageOf(join(directory.path, "loop", "ours", "a.sock"))).toMatch("too many links");
    await symlink("/", join(directory.path, "root"));
    await using listener = new UnixListener(join(directory.path, "root", directory.path, "a.sock"));
    await listener.start();
    expect(await readdir(directory.path)).toContain("a.sock");
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

  test("is refused and left alone: a FIFO, which is not opened, and a device", async () => {
    const path = directory.socket("a");
    execFileSync("mkfifo", [path]);
    expect(await messageOf(path)).toMatch("is not a socket and is left alone");
    expect((await lstat(path)).isFIFO()).toBe(true);
    expect(await messageOf("/dev/null")).toBe("/dev/null is not a socket and is left alone: remove it or choose another path");
    expect((await lstat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  test.skipIf(!hasInotify)("but comes while we start is never followed: whoever wins, what a link leads to stays", async () => {
    const precious = join(directory.path, "precious");
    await writeFile(precious, "precious");
    for (let round = 0; round < 20; round += 1) {
      const made = join(directory.path, `round${round}`);
      await mkdir(made, { mode: 0o700 });
      const path = join(made, "a.sock");
      // our nest beside the path shows that the path was looked at and found free
      const watcher = watch(made, () => {
        watcher.close();
        symlinkSync(precious, path);
      });
      const listener = new UnixListener(path);
      expect(await codeOf(listener.start())).toBe("fulfilled");
      expect((await lstat(path)).isSocket()).toBe(true);
      await listener.stop();
      watcher.close();
      expect(await readdir(made)).toEqual([]);
    }
    expect(await readFile(precious, "utf8")).toBe("precious");
    expect((await lstat(precious)).nlink).toBe(1);
  });

  test.skipIf(!hasInotify)("but a directory that comes while we start is refused and left alone, with nothing of ours beside it", async () => {
    const path = directory.socket("a");
    const watcher = watch(directory.path, () => {
      watcher.close();
      mkdirSync(path);
    });
    expect(await codeOf(new UnixListener(path).start())).toBe("bad_address");
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
    expect((await lstat(path)).isDirectory()).toBe(true);
  });
});

describe("what listens at the path", () => {
  test("S4 a live one under a second name, a hard link, is refused as well, and stop leaves names that are not ours", async () => {
    const [path, other] = [directory.socket("a"), directory.socket("b")];
    const listener = new UnixListener(path);
    await listener.start();
    await link(path, other);
    expect(await messageOf(other)).toMatch("a live process listens");
    for (let taken = await listener.nextConnection(); taken !== undefined; taken = undefined) listener.doneConnection(taken);
    await listener.stop();
    expect(await readdir(directory.path)).toEqual(["b.sock"]);
    await using successor = new UnixListener(other);
    await successor.start();
    expect((await lstat(other)).nlink).toBe(1);
  });

  test("F10 the socket file of a process killed with kill -9 is replaced, in less than a second", async () => {
    const path = directory.socket("a");
    await using killed = runFixture("listen", path);
    expect(await killed.message()).toBe("listening");
    const { ino } = await lstat(path);
    await killed.kill("SIGKILL");
    expect((await lstat(path)).ino).toBe(ino);
    await using listener = new UnixListener(path);
    const startedAt = performance.now();
    await listener.start();
    expect(performance.now() - startedAt).toBeLessThan(1000);
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
    expect(await messageOf(path)).toBe(`a live process listens at ${path}: stop it or choose another path or name`);
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
