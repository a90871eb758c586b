import { NatsServer, temporaryDirectory, whyNoNatsServer } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand, startCommand } from "./fixtures/run-command.ts";
import type { CommandResult, RunningCommand } from "./fixtures/run-command.ts";

const far = join(import.meta.dirname, "fixtures", "far.ts");
const lines = (stdout: string): unknown[] => stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);

describe.skipIf(whyNoNatsServer !== undefined)("acomm with --nats", () => {
  let server: NatsServer;
  let directory: TemporaryDirectory;
  const running: RunningCommand[] = [];
  const env = (more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({ ACOMM_SOCKET_DIR: directory.path, ACOMM_NATS: server.url, ...more });
  const acomm = (...args: string[]): Promise<CommandResult> => runCommand(args, { env: env() });

  beforeAll(async () => {
    server = await NatsServer.start();
    directory = await temporaryDirectory();
    running.push(
      startCommand(["provider", far], { env: env({ PROVIDER_NAME: "near" }) }),
      startCommand(["provider", far], { env: env({ PROVIDER_NAME: "away", ALONE: "1" }) }),
      startCommand(["coordinator"], { env: env() }),
    );
    for (const command of running) await command.line();
  });
  afterAll(async () => {
    for (const command of running) await command[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test("lists the providers of the network beside those of the directory, each once", async () => {
    const { code, stdout } = await acomm("ls");
    expect(code).toBe(0);
    const providers = (lines(stdout) as { task?: string; provider: string; host?: string; state: string }[]).filter(({ task }) => task !== undefined);
    expect(providers.map(({ task, provider, host, state }) => [task, provider, host, state])).toEqual([
      ["read", "away", hostname(), "ok"], ["read", "near", undefined, "ok"], ["who", "away", hostname(), "ok"], ["who", "near", undefined, "ok"],
    ]);
    expect((await acomm("ls", "-o", "table")).stdout).toMatch(/TASK +PROVIDER +HOST +PRIORITY[^]*\nwho +away +\S+ +10 +ok/);
  });

  test("lists them without a socket directory too", async () => {
    const { code, stdout } = await acomm("ls", "--socket-dir", join(directory.path, "none"));
    expect(code).toBe(0);
    expect(lines(stdout)).toHaveLength(4);
  });

  test("a URL of the network is called, with streams both ways", async () => {
    const url = `${server.url}/acomm.tasks.read`;
    expect(await runCommand(["call", "read", "--url", url, "--stream-in", far, "--stream-out", "-"], {})).toMatchObject({ code: 0, stdout: "an answer", stderr: '"nats:"\n' });
    expect((await runCommand(["describe", "who", "--url", `${server.url}/acomm.tasks.who`], {})).stdout).toContain("Says who it is.");
    expect(await runCommand(["call", "read", "--url", `${server.url}/nobody`], {})).toMatchObject({ code: 4, stderr: expect.stringContaining("nobody") as string });
  });

  test("a coordinator calls both, by their priority, and the other one where one is gone", async () => {
    expect((await acomm("call", "who")).stdout).toBe('"away"\n');
    expect((await acomm("describe", "-o", "table")).stdout).toContain(`  away on ${hostname()} `);
    running[1]?.child.kill("SIGKILL");
    await running[1]?.result();
    expect((await acomm("call", "who")).stdout).toBe('"near"\n');
  });

  test("what can't be a server, or its credentials, is told", async () => {
    expect(await acomm("ls", "--nats", "http://x")).toMatchObject({ code: 2, stderr: expect.stringContaining("--nats must be the URL of a server such as nats://127.0.0.1:4222") as string });
    expect(await acomm("ls", "--nats", `${server.url}/subject`)).toMatchObject({ code: 2 });
    const secret = await acomm("ls", "--nats", "nats://me:secret@127.0.0.1:1");
    expect(secret).toMatchObject({ code: 2, stderr: expect.stringContaining("--nats must not hold credentials") as string });
    expect(secret.stderr).not.toContain("secret@");
    expect(await runCommand(["call", "who", "--url", "nats:///subject"], {})).toMatchObject({ code: 2, stderr: expect.stringContaining("names no server") as string });
    expect(await acomm("ls", "--nats-creds", "/nowhere")).toMatchObject({ code: 2, stderr: expect.stringContaining("--nats-creds can't be read (ENOENT)") as string });
  });

  test("where the server is gone, what is in the directory is listed, and the exit code tells", async () => {
    const { code, stdout, stderr } = await acomm("ls", "--nats", "nats://127.0.0.1:1");
    expect([code, stderr]).toEqual([4, expect.stringContaining("nats://127.0.0.1:1")]);
    expect(lines(stdout)).toMatchObject([{ coordinator: "main" }, { task: "read", provider: "near" }, { task: "who", provider: "near" }]);
  });
});
