import { codeOf, errorOf, thrownBy } from "@acomm/testing";
import { readdir, stat, writeFile } from "node:fs/promises";
import { UnixListener } from "@acomm/transport";
import { describe, expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import { Provider } from "./provider.ts";

describe("a provider's place in the directory", () => {
  test("is a socket for each task, one for its responses, and nothing when it has stopped", async () => {
    await using setup = await setUp();
    const provider = setup.provider("disks").task("disk-info", {}, () => "info").task("wipe", { priority: 5 }, () => "wiped");
    expect(provider.sockets).toEqual({ "disk-info": `${setup.directory.path}/disk-info/50-disks.sock`, wipe: `${setup.directory.path}/wipe/05-disks.sock` });
    await provider.start();
    const sockets = await readdir(setup.directory.path, { recursive: true });
    expect(sockets.filter((name) => name.endsWith(".sock")).toSorted()).toEqual(["disk-info/50-disks.sock", "response/disks.sock", "wipe/05-disks.sock"]);
    for (const path of Object.values(provider.sockets)) expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await setup.tracker.request(setup.url("disk-info", "disks"), { task: "disk-info" })).toBe("info");
    expect(await setup.tracker.request(`unix://${provider.sockets["wipe"]!}`, { task: "wipe" })).toBe("wiped");
    await provider.stop();
    expect((await readdir(setup.directory.path, { recursive: true })).filter((name) => name.endsWith(".sock"))).toEqual([]);
  });

  test("has its own priority, which a task may change", async () => {
    await using setup = await setUp();
    const provider = setup.provider("p", { priority: 7 }).task("a", {}, () => null).task("b", { priority: 999 }, () => null);
    expect(provider.sockets).toEqual({ a: `${setup.directory.path}/a/07-p.sock`, b: `${setup.directory.path}/b/999-p.sock` });
  });

  test("is shared with others of other names", async () => {
    await using setup = await setUp();
    for (const name of ["one", "two"]) await setup.provider(name).task("who", {}, () => name).start();
    expect(await setup.tracker.request(setup.url("who", "two"), { task: "who" })).toBe("two");
    expect(await readdir(`${setup.directory.path}/who`)).toEqual(["50-one.sock", "50-two.sock"]);
  });
});

describe("names that can't be directories", () => {
  test.each(["", ".", "..", "a/b", "../x", "a b", "a\0b", "\u202e", "a".repeat(129)])("A41 a task is bad_field: %j", async (name) => {
    await using setup = await setUp();
    expect(thrownBy(() => setup.provider().task(name, {}, () => null))).toMatchObject({ code: "bad_field", message: expect.stringContaining("task") });
    expect(thrownBy(() => new Provider({ socketDir: setup.directory.path, name })).code).toBe("bad_field");
  });

  test.each(["coordinator", "response", "streams", "Response", "STREAMS", "acomm.describe", "acomm.cancel", "acomm.mine"])("A42 a task that is taken is unknown_task: %s", async (name) => {
    await using setup = await setUp();
    expect(thrownBy(() => setup.provider().task(name, {}, () => null)).code).toBe("unknown_task");
    expect(await readdir(setup.directory.path)).toEqual([]);
  });

  test("a directory that is relative, and one whose sockets would be too long", async () => {
    await using setup = await setUp();
    expect(thrownBy(() => new Provider({ socketDir: "run/acomm", name: "p" })).code).toBe("bad_address");
    expect(thrownBy(() => setup.provider().task("t".repeat(100), {}, () => null)).code).toBe("bad_address");
  });
});

test("a request for another task is unknown_task, refused before it is acknowledged", async () => {
  await using setup = await setUp();
  let runs = 0;
  const provider = setup.provider().task("a", {}, () => { runs += 1; }).task("b", {}, () => null);
  await provider.start();
  for (const task of ["b", "c", "../b", "__proto__", "constructor", "response"]) expect(await errorOf(setup.tracker.request(setup.url("a"), { task }))).toMatchObject({ code: "unknown_task", message: expect.stringContaining("this socket serves a and acomm.describe") });
  expect(runs).toBe(0);
});

describe("what a task is told wrongly", () => {
  test.each([
    ["timeoutMs", { timeoutMs: 0 }],
    ["priority", { priority: 1000 }],
    ["concurrency", { concurrency: 0 }],
    ["maxQueued", { maxQueued: -1 }],
    ["args of t", { args: {} as never }],
    ["result of t", { result: "number" as never }],
  ])("is bad_field and named: %s", async (field, options) => {
    await using setup = await setUp();
    expect(thrownBy(() => setup.provider().task("t", options, () => null))).toMatchObject({ code: "bad_field", message: expect.stringContaining(field) });
  });

  test("no handler, a name twice, or a task that comes after the start", async () => {
    await using setup = await setUp();
    const provider = setup.provider();
    expect(thrownBy(() => provider.task("t", {}, undefined as never)).code).toBe("bad_field");
    provider.task("t", {}, () => null);
    expect(thrownBy(() => provider.task("t", {}, () => null))).toMatchObject({ code: "bad_field", message: expect.stringContaining("t was added already") });
    await provider.start();
    expect(thrownBy(() => provider.task("late", {}, () => null)).code).toBe("bad_field");
  });
});

describe("start", () => {
  test("is all or nothing: a socket that fails to start stops the others", async () => {
    await using setup = await setUp();
    await using other = new UnixListener(`${setup.directory.path}/b/50-p.sock`);
    await other.start();
    const provider = setup.provider().task("a", {}, () => null).task("b", {}, () => null).task("c", {}, () => null);
    expect(await codeOf(provider.start())).toBe("bad_address");
    expect((await readdir(setup.directory.path, { recursive: true })).filter((name) => name.endsWith(".sock"))).toEqual(["b/50-p.sock"]);
    expect(await codeOf(setup.tracker.request(setup.url("a"), { task: "a" }))).toBe("unavailable");
    expect(await codeOf(provider.start())).toBe("bad_address"); // it is what became of the start
    expect(await provider.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("of a second provider of the same name is bad_address, and the first one lives on", async () => {
    await using setup = await setUp();
    await setup.provider().task("a", {}, () => "first").start();
    expect(await codeOf(setup.provider().task("b", {}, () => null).start())).toBe("bad_address");
    expect(await setup.tracker.request(setup.url("a"), { task: "a" })).toBe("first");
    expect((await readdir(setup.directory.path)).toSorted()).toEqual(["a", "response"]);
  });

  test("where a file is in the way says so and leaves it", async () => {
    await using setup = await setUp();
    await writeFile(`${setup.directory.path}/a`, "mine");
    expect(await codeOf(setup.provider().task("a", {}, () => null).start())).toBe("bad_address");
    expect((await stat(`${setup.directory.path}/a`)).isFile()).toBe(true);
  });

  test("is idempotent, wants a task, and doesn't follow a stop", async () => {
    await using setup = await setUp();
    expect(await codeOf(setup.provider("none").start())).toBe("bad_field");
    const provider = setup.provider().task("a", {}, () => 1);
    await Promise.all([provider.start(), provider.start()]);
    expect(await setup.tracker.request(setup.url("a"), { task: "a" })).toBe(1);
    await provider.stop();
    expect(await codeOf(provider.start())).toBe("stopping");
  });

  test("makes a directory that is missing, for its owner alone", async () => {
    await using setup = await setUp();
    const socketDir = `${setup.directory.path}/new/acomm`;
    await setup.provider("p", { socketDir }).task("a", {}, () => 1).start();
    for (const path of [socketDir, `${socketDir}/a`, `${socketDir}/response`]) expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test("again, in the same process and the same place, after a stop", async () => {
    await using setup = await setUp();
    for (const round of [1, 2, 3]) {
      const provider = setup.provider().task("a", {}, () => round);
      await provider.start();
      expect(await setup.tracker.request(setup.url("a"), { task: "a" })).toBe(round);
      await provider.stop();
    }
  });
});
