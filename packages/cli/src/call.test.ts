import { temporaryDirectory } from "@acomm/testing";
import type { Fixture, TemporaryDirectory } from "@acomm/testing";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand, startCommand } from "./fixtures/run-command.ts";
import type { CommandOptions, CommandResult } from "./fixtures/run-command.ts";
import { runFixture } from "./fixtures/run-fixture.ts";

let directory: TemporaryDirectory;
let service: Fixture;
let url: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  service = runFixture("service", directory.socket("service"));
  expect(await service.message()).toEqual({ ready: true });
  url = `unix://${directory.socket("service")}`;
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const call = (args: readonly string[], options?: CommandOptions): Promise<CommandResult> => runCommand(["call", "--url", url, ...args], options);

describe("the result", () => {
  test("is a line of JSON where nobody looks, its numbers with their digits", async () => {
    expect(await call(["echo", "a.b=1", "d=1,2", "e:=[1, 2]", "f=010", "g=t"])).toEqual({ code: 0, stdout: '{"a":{"b":1},"d":"1,2","e":[1,2],"f":"010","g":"t"}\n', stderr: "" });
    expect((await call(["digits"])).stdout).toBe("9007199254740993.0\n");
  });

  test("is laid out for people where they ask for it", async () => {
    expect((await call(["echo", "-o", "table", "a=1", "b:={\"c\":[]}"])).stdout).toBe('{\n  "a": 1,\n  "b": {\n    "c": []\n  }\n}\n');
  });

  test("of arguments as JSON, from an option or from standard input", async () => {
    expect(await call(["echo", "--json", '[1,"x"]'])).toMatchObject({ code: 0, stdout: '[1,"x"]\n' });
    expect(await call(["echo", "-"], { input: '{"n": [true]}\n' })).toMatchObject({ code: 0, stdout: '{"n":[true]}\n' });
    expect(await call(["echo"])).toMatchObject({ code: 0, stdout: "{}\n" });
  });
});

test("A30 arguments reach the task with the digits that were written", async () => {
  const sent = async (...args: string[]): Promise<unknown> => JSON.parse((await call(["text", ...args])).stdout);
  expect(await sent("a.b=9007199254740993", "c=1.0")).toBe('{"a":{"b":9007199254740993},"c":1.0}');
  expect(await sent("--json", '[1.50, 1e400,"x"]')).toBe('[1.50,1e400,"x"]');
});

describe("a failure", () => {
  test("of the task exits with 1, with its details and causes", async () => {
    const { code, stdout, stderr } = await call(["fail"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe('acomm: bad_field: args.path must be a text\n  because of the schema says so\n  details: [{"path":["path"],"message":"must be a text"}]\n');
  });

  test("is a line of JSON where JSON is asked for by name", async () => {
    const { code, stderr } = await call(["fail", "-o", "json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "bad_field", message: "args.path must be a text", retryable: false, details: [{ path: ["path"], message: "must be a text" }], causes: ["the schema says so"] },
    });
  });

  test("cannot steer the terminal", async () => {
    expect(await call(["crash"])).toEqual({ code: 1, stdout: "", stderr: "acomm: it \\u001b[31mbroke\n" });
  });

  test("of a task that nobody knows exits with 4", async () => {
    expect(await call(["none"])).toMatchObject({ code: 4, stderr: "acomm: unknown_task: no task none\n" });
  });

  test("to find anybody exits with 4 and says what to start", async () => {
    expect(await runCommand(["call", "echo", "--socket-dir", directory.path])).toEqual({
      code: 4,
      stdout: "",
      stderr: `acomm: unavailable: nobody serves a coordinator at ${directory.path}/coordinator/main.sock: start one with acomm coordinator --socket-dir ${directory.path}, or name a service with --url\n`,
    });
    const nowhere = `unix://${directory.path}/none.sock`;
    expect(await runCommand(["call", "echo", "--url", nowhere])).toMatchObject({ code: 4, stderr: expect.stringContaining(`nobody serves at ${nowhere}`) });
  });

  test("A94 to answer in time exits with 3, at the timeout", async () => {
    await using waiting = startCommand(["call", "wait", "--url", url, "--timeout", "1500ms"]);
    await service.message();
    const startedAt = performance.now();
    expect(await waiting.result()).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("acomm: timeout: ") });
    const elapsedMs = performance.now() - startedAt;
    expect(elapsedMs).toBeGreaterThan(1300);
    expect(elapsedMs).toBeLessThan(1750);
    expect(await service.message()).toHaveProperty("aborted");
  });
});

describe("A96 a signal while it waits", () => {
  test.each([["SIGINT", 130], ["SIGTERM", 143]] as const)("%s cancels the call, whose handler is told, and exits with %d", async (signal, code) => {
    await using waiting = startCommand(["call", "wait", `by=${signal}`, "--url", url]);
    expect(await service.message()).toEqual({ waiting: { by: signal } });
    waiting.child.kill(signal);
    expect(await service.message()).toHaveProperty("aborted");
    expect(await waiting.result()).toEqual({ code, stdout: "", stderr: "" });
  });
});

test("A96 SIGINT while it reads its arguments exits with 130", async () => {
  await using reading = startCommand(["call", "echo", "-", "--url", url]);
  // more than the pipe holds: once all is written, it has begun to read
  await new Promise((resolve) => { reading.child.stdin.write(Buffer.alloc(2 * 1024 * 1024, " "), resolve); });
  reading.child.kill("SIGINT");
  expect(await reading.result()).toEqual({ code: 130, stdout: "", stderr: "" });
});

describe("a stream", () => {
  const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

  test("goes in from a file or from standard input", async () => {
    const bytes = Buffer.alloc(300_000, "in");
    const file = join(directory.path, "in");
    await writeFile(file, bytes);
    const expected = { bytes: bytes.length, sha256: sha256(bytes) };
    expect(JSON.parse((await call(["digest", "--stream-in", file])).stdout)).toEqual(expected);
    expect(JSON.parse((await call(["digest", "--stream-in", "-"], { input: bytes })).stdout)).toEqual(expected);
  });

  test("comes out into a file or to standard output, and the result beside it", async () => {
    const file = join(directory.path, "out");
    expect(await call(["bytes", "count=200000", "--stream-out", file])).toEqual({ code: 0, stdout: '"a stream"\n', stderr: "" });
    expect((await readFile(file)).length).toBe(200_000);
    expect(await call(["bytes", "count=200000", "--stream-out", "-"])).toEqual({ code: 0, stdout: "x".repeat(200_000), stderr: '"a stream"\n' });
  });

  test("that is not taken is told of, and can be read with acomm stream", async () => {
    const { stderr } = await call(["bytes", "count=70000"]);
    const [, streamUrl = ""] = /acomm stream (unix:\S+),/.exec(stderr) ?? [];
    expect(await runCommand(["stream", streamUrl])).toEqual({ code: 0, stdout: "x".repeat(70_000), stderr: "" });
    expect(await runCommand(["stream", streamUrl])).toMatchObject({ code: 4, stderr: expect.stringContaining("it is gone, or was read before") });
  });

  test("that is cut short exits with 1 and leaves no file", async () => {
    const file = join(directory.path, "cut");
    expect(await call(["cut", "--stream-out", file])).toMatchObject({ code: 1, stderr: expect.stringContaining("truncated_stream") });
    expect((await readdir(directory.path)).filter((name) => name.startsWith("cut"))).toEqual([]);
  });

  test("that the task does not give exits with 1", async () => {
    expect(await call(["echo", "--stream-out", "-"])).toMatchObject({ code: 1, stderr: expect.stringContaining("echo gave no stream") });
  });

  test("whose file is missing or can't be made exits with 2", async () => {
    expect(await call(["digest", "--stream-in", join(directory.path, "missing")])).toMatchObject({ code: 2, stderr: expect.stringContaining("--stream-in can't be read (ENOENT)") });
    expect(await call(["digest", "--stream-in", directory.path])).toMatchObject({ code: 2, stderr: expect.stringContaining("--stream-in must be a file") });
    expect(await call(["bytes", "--stream-out", join(directory.path, "missing", "out")])).toMatchObject({ code: 2, stderr: expect.stringContaining("--stream-out can't be written (ENOENT)") });
  });
});

test("progress is shown on standard error, a line of JSON each where nobody looks", async () => {
  expect(await call(["steps", "--progress"])).toEqual({
    code: 0,
    stdout: '"done"\n',
    stderr: '{"progress":{"done":1,"total":3}}\n{"progress":{"done":2,"total":3}}\n{"progress":{"done":3,"total":3}}\n',
  });
  expect(await call(["steps"])).toMatchObject({ code: 0, stderr: "" });
});

describe("wrong arguments exit with 2, and nothing is sent", () => {
  test.each([
    ["A86", ["__proto__.x=1"], "holds __proto__"],
    ["A86", ["constructor.prototype.x=1"], "holds constructor"],
    ["A87", ["a=1", "a.b=2"], '"a" is a value and "a.b" lies inside it'],
    ["A88", ["x"], "write key=value"],
    ["A88", ["x:=01"], "x:= is not JSON"],
    ["A88", ["--json", "{"], "--json is not JSON"],
    ["A88", ["--json", "1", "a=1"], "given twice"],
    ["A88", ["-", "--stream-in", "-"], "standard input can't be both"],
    ["A90", ["--timeout", "8080abc"], "--timeout must be a duration from 1ms to 24d 20h"],
    ["A90", ["--timeout", "-1"], "--timeout must be a duration"],
    ["A90", ["--timeout=NaN"], "--timeout must be a duration"],
    ["A90", ["--timeout", "1000000000s"], "--timeout must be a duration"],
    ["A90", ["--output", "xml"], "--output must be auto, table or json"],
    ["A90", ["--tiemout", "1"], "Did you mean --timeout?"],
    ["A91", ["--socket-dir", `/${"d".repeat(100)}`], "--socket-dir has 101 bytes, and a socket's path may have 107 in all"],
    ["A91", ["--socket-dir", "run"], "--socket-dir must be an absolute path"],
    ["A92", ["--coordinator", "../x"], "--coordinator must be 1 to 128 letters"],
    ["A92", ["--coordinator", "a/b"], "--coordinator must be"],
    ["A92", ["--coordinator="], "--coordinator must be"],
    ["A56", ["--url", "unix:rel"], "--url"],
  ])("%s %j", async (_number, args, message) => {
    expect(await call(["wait", ...args])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });

  test("A41 a task that is no name", async () => {
    expect(await call([""])).toMatchObject({ code: 2, stderr: expect.stringContaining("task") });
  });

  test.each([
    [{ ACOMM_TIMEOUT: "NaN" }, "ACOMM_TIMEOUT must be a duration"],
    [{ ACOMM_CONFIG: "/nonexistent.json" }, "the configuration file /nonexistent.json can't be read (ENOENT)"],
  ])("A90 in the environment: %j", async (env, message) => {
    expect(await call(["wait"], { env })).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });

  test.each([
    ['{"tiemout":1}', 'has an unknown key "tiemout": the keys are '],
    ['{"timeout":"8080abc"}', "timeout in CONFIG must be a duration"],
    ['{"timeout":-1}', "timeout in CONFIG must be a duration"],
    ['{"timeout":"NaN"}', "timeout in CONFIG must be a duration"],
    ['{"timeout":"1000000000s"}', "timeout in CONFIG must be a duration"],
    ['{"timeout":[]}', "timeout in CONFIG must be a text, a number"],
  ])("A90 in the configuration file: %s", async (text, message) => {
    const config = join(directory.path, "config.json");
    await writeFile(config, text);
    expect(await call(["wait", "--config", config])).toMatchObject({ code: 2, stderr: expect.stringContaining(message.replace("CONFIG", config)) });
  });
});

test("a configuration file serves every command, the environment wins over it, an option over both", async () => {
  const config = join(directory.path, "good.json");
  await writeFile(config, JSON.stringify({ url, timeout: "1ms", interval: "2s", output: "table" }));
  const run = (args: readonly string[], env = {}): Promise<CommandResult> => runCommand(["call", "echo", "a=1", "--config", config, ...args], { env });
  expect(await run(["--timeout", "20s"], { ACOMM_OUTPUT: "json" })).toMatchObject({ code: 0, stdout: '{"a":1}\n' });
  expect(await run(["--timeout", "20s"])).toMatchObject({ code: 0, stdout: '{ "a": 1 }\n' });
  expect(await run([], { ACOMM_TIMEOUT: "20s" })).toMatchObject({ code: 0 });
});
