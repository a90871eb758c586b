import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand, startCommand } from "./fixtures/run-command.ts";
import type { CommandResult, RunningCommand } from "./fixtures/run-command.ts";
import { disksModule } from "./fixtures/system.ts";

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  await directory[Symbol.asyncDispose]();
});

interface Ready {
  readonly sockets: { readonly coordinator: string };
  readonly http: string;
}

async function start(...args: readonly string[]): Promise<RunningCommand & Ready> {
  const coordinator = startCommand(["coordinator", "--socket-dir", directory.path, ...args]);
  return { ...coordinator, ...(JSON.parse(await coordinator.line()) as Ready), [Symbol.asyncDispose]: () => coordinator[Symbol.asyncDispose]() };
}

async function startDisks(): Promise<RunningCommand> {
  const provider = startCommand(["provider", disksModule, "--socket-dir", directory.path]);
  await provider.line();
  return provider;
}

const acomm = (...args: readonly string[]): Promise<CommandResult> => runCommand(args, { env: { ACOMM_SOCKET_DIR: directory.path } });

/** Resolves once so many calls of `wait` run. */
async function waiting(count: number): Promise<void> {
  const tracker = new Tracker();
  await tracker.start();
  for (;;) {
    const { tasks } = await tracker.request<{ tasks: { task: string; running: number }[] }>(`unix://${directory.path}/wait/50-disks.sock`, { task: "acomm.describe" });
    if (tasks.find(({ task }) => task === "wait")?.running === count) break;
  }
  await tracker.stop();
}

test("a coordinator says where it is, passes calls on, and leaves nothing behind", async () => {
  await using provider = await startDisks();
  await using coordinator = await start();
  expect(coordinator.sockets).toEqual({ coordinator: join(directory.path, "coordinator", "main.sock") });
  expect(coordinator.http).toBeUndefined();
  expect(await acomm("call", "disk-info")).toMatchObject({ code: 0, stdout: '[{"name":"sda","bytes":512110190592}]\n' });
  expect(await acomm("call", "disk-inof")).toMatchObject({ code: 4, stderr: expect.stringContaining("did you mean disk-info?") });
  expect(JSON.parse((await acomm("describe", "disk-info")).stdout)).toMatchObject({ kind: "provider", name: "disks" });
  expect(await acomm("describe", "none")).toMatchObject({ code: 4 });
  coordinator.child.kill("SIGTERM");
  expect(await coordinator.result()).toMatchObject({ code: 0, stdout: expect.stringContaining('{"stopped":true,"cut":0}\n') });
  expect(await readdir(join(directory.path, "coordinator"))).toEqual([]);
  expect(provider.child.exitCode).toBeNull();
});

test("a task whose provider has gone exits with 4", async () => {
  const provider = await startDisks();
  await using _coordinator = await start("--wait-for-provider", "100ms");
  await provider[Symbol.asyncDispose]();
  expect(await acomm("call", "disk-info")).toMatchObject({ code: 4, stderr: expect.stringContaining("no provider of disk-info was there for 100 ms") });
});

describe("over HTTP", () => {
  test("a task is called as at the socket, with its progress, its stream and its errors", async () => {
    await using _provider = await startDisks();
    await using coordinator = await start("--http", "0");
    const call = (...args: readonly string[]): Promise<CommandResult> => runCommand(["call", ...args, "--url", coordinator.http]);
    expect(await call("disk-info", "all=false")).toEqual({ code: 0, stdout: '[{"name":"sda","bytes":512110190592}]\n', stderr: "" });
    expect(await call("copy", "steps=2", "--progress")).toEqual({ code: 0, stdout: '{"copied":2}\n', stderr: '{"progress":{"done":1,"total":2}}\n{"progress":{"done":2,"total":2}}\n' });
    expect(await call("image", "--stream-out", "-")).toEqual({ code: 0, stdout: "an image\n", stderr: '{"bytes":9}\n' });
    expect(await call("disk-info", "all=1")).toMatchObject({ code: 1, stderr: expect.stringContaining("bad_field: args.all") });
    expect(await call("none")).toMatchObject({ code: 4 });
    expect(await call("deaf", "--timeout", "300ms")).toMatchObject({ code: 3 });
    expect(await call("disk-info", "--stream-in", disksModule)).toMatchObject({ code: 2, stderr: expect.stringContaining("--stream-in is read at a unix socket") });
    expect(JSON.parse((await runCommand(["describe", "copy", "--url", coordinator.http])).stdout)).toMatchObject({ tasks: [{ task: "copy" }] });
    expect(JSON.parse((await runCommand(["bench", "disk-info", "-n", "20", "--url", coordinator.http])).stdout)).toMatchObject({ calls: 20, failed: 0 });
  });

  test("A96 SIGINT takes the call back", async () => {
    await using _provider = await startDisks();
    await using coordinator = await start("--http", "0");
    await using call = startCommand(["call", "wait", "--url", coordinator.http]);
    await waiting(1);
    call.child.kill("SIGINT");
    expect(await call.result()).toEqual({ code: 130, stdout: "", stderr: "" });
    await waiting(0);
  });

  test("S14 only who has a token gets in, and no message holds one", async () => {
    const tokens = join(directory.path, "tokens");
    const wrong = join(directory.path, "wrong");
    await writeFile(tokens, "# who may call\nright-marker-token\n");
    await writeFile(wrong, "wrong-marker-token\n");
    await using _provider = await startDisks();
    await using coordinator = await start("--http", "0", "--token-file", tokens);
    const call = (...args: readonly string[]): Promise<CommandResult> => runCommand(["call", "disk-info", "--url", coordinator.http, ...args]);
    expect(await call("--token-file", tokens)).toMatchObject({ code: 0 });
    for (const refused of [await call("--token-file", wrong), await call()]) {
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).not.toContain("marker");
    }
    coordinator.child.kill("SIGTERM");
    expect((await coordinator.result()).stderr).not.toContain("marker");
  });

  test("nobody there exits with 4, something else there with 1 or 2", async () => {
    const server = createHttpServer((_request, response) => { response.end("hi"); }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await runCommand(["call", "x", "--url", url])).toMatchObject({ code: 1, stderr: expect.stringContaining("as no coordinator does") });
    server.close();
    server.closeAllConnections();
    await once(server, "close");
    expect(await runCommand(["call", "x", "--url", url])).toMatchObject({ code: 4, stderr: expect.stringContaining(`nobody serves at ${url}`) });
  });
});

test("F38 SIGTERM with a hundred calls under way over socket and HTTP: all are answered, and it exits with 0", async () => {
  await using provider = await startDisks();
  await using coordinator = await start("--http", "0");
  const tracker = new Tracker();
  await tracker.start();
  const local = Array.from({ length: 95 }, () => tracker.request(`unix://${coordinator.sockets.coordinator}`, { task: "wait" }));
  const outside = Array.from({ length: 5 }, async () => {
    const response = await fetch(`${coordinator.http}?wait=20s`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id: crypto.randomUUID(), task: "wait", args: null, responsehook: null, stream_url: null }) });
    return ((await response.json()) as { result: unknown }).result;
  });
  await waiting(100);
  coordinator.child.kill("SIGTERM");
  while ((await readdir(join(directory.path, "coordinator"))).length > 0); // its socket goes first
  expect(await acomm("call", "disk-info")).toMatchObject({ code: 4 });
  provider.child.kill("SIGUSR2");
  expect(await Promise.all([...local, ...outside])).toEqual(Array.from({ length: 100 }, () => "waited"));
  expect(await coordinator.result()).toMatchObject({ code: 0, stdout: expect.stringContaining('{"stopped":true,"cut":0}') });
  await tracker.stop();
});

test("F40 a second SIGTERM ends it within 200 ms", async () => {
  await using _provider = await startDisks();
  await using coordinator = await start("--grace", "30s");
  await using call = startCommand(["call", "wait", "--socket-dir", directory.path]);
  await waiting(1);
  coordinator.child.kill("SIGTERM");
  while ((await readdir(join(directory.path, "coordinator"))).length > 0); // it drains
  const startedAt = performance.now();
  coordinator.child.kill("SIGTERM");
  expect(await coordinator.result()).toMatchObject({ code: 143 });
  expect(performance.now() - startedAt).toBeLessThan(200);
  expect((await call.result()).code).not.toBe(0);
});

describe("A93 a place that is taken", () => {
  test("a port: it exits with 2 within a second, and leaves no socket", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const helpAt = performance.now();
    await acomm("coordinator", "--help");
    const startedAt = performance.now();
    const { code, stdout, stderr } = await acomm("coordinator", "--http", String((server.address() as AddressInfo).port));
    expect(performance.now() - startedAt - (startedAt - helpAt)).toBeLessThan(1000); // how long a start takes is the machine's
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("the address is in use");
    server.close();
    expect(await readdir(join(directory.path, "coordinator")).catch(() => [])).toEqual([]);
  });

  test("the socket of a coordinator that runs", async () => {
    await using _coordinator = await start();
    expect(await acomm("coordinator")).toMatchObject({ code: 2, stderr: expect.stringContaining("a live process listens at") });
  });
});

test.each([
  ["A90", ["--http", "8080abc"], "--http must be a port from 0 to 65535"],
  ["A90", ["--http", "-1"], "--http must be a port from 0 to 65535"],
  ["A90", ["--http", "65536"], "--http must be a port from 0 to 65535"],
  ["A90", ["--max-hops", "0"], "--max-hops must be a whole number from 1 to 100"],
  ["A90", ["--grace", "NaN"], "--grace must be a duration"],
  ["A90", ["--wait-for-provider", "1e9s"], "--wait-for-provider must be a duration"],
  ["A90", ["--max-wait", "1s"], "--max-wait is about the HTTP door, and there is none: open it with --http PORT"],
  ["A90", ["--allow-origin", "http://a"], "--allow-origin is about the HTTP door"],
  ["A90", ["--http", "0", "--tls-cert", "x"], "--tls-cert and --tls-key belong together"],
  ["A90", ["--http", "0", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"], "--tls-cert can't be read (ENOENT)"],
  ["A90", ["--http", "0", "--token-file", "/nonexistent"], "--token-file can't be read (ENOENT)"],
  ["A90", ["--admit-task-url", "ftp:x"], "admit.taskUrls"],
  ["A92", ["--name", "../x"], "--name must be 1 to 128 letters"],
  ["A92", ["--name", "a/b"], "--name must be"],
  ["A92", ["--name="], "--name must be"],
])("%s %j exits with 2", async (_number, args, message) => {
  expect(await acomm("coordinator", ...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
});
