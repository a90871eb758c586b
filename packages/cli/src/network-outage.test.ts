import { NatsServer, temporaryDirectory, whyNoNatsServer } from "@acomm/testing";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { runCommand, startCommand } from "./fixtures/run-command.ts";
import type { CommandResult, RunningCommand } from "./fixtures/run-command.ts";

const far = join(import.meta.dirname, "fixtures", "far.ts");

interface TestSystem {
  readonly server: NatsServer;
  /** Starts a command that is on the server, and waits until it is ready. */
  readonly start: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<RunningCommand>;
  /** Runs a command that knows of the directory alone. */
  readonly acomm: (...args: string[]) => Promise<CommandResult>;
}

/** A server and a directory of its own. */
async function startSystem(): Promise<TestSystem> {
  const server = await NatsServer.start();
  const directory = await temporaryDirectory();
  const running: RunningCommand[] = [];
  onTestFinished(async () => {
    for (const command of running) await command[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const env = { ACOMM_SOCKET_DIR: directory.path, ACOMM_NATS: server.url };
  return {
    server,
    start: async (args, more) => {
      const command = startCommand(args, { env: { ...env, ...more } });
      running.push(command);
      await command.line();
      return command;
    },
    acomm: (...args) => runCommand(args, { env: { ACOMM_SOCKET_DIR: directory.path } }),
  };
}

describe.skipIf(whyNoNatsServer !== undefined)("a coordinator whose NATS server goes", () => {
  test("goes on with the providers of its directory, and comes back to the others with the server", async () => {
    const { server, start, acomm } = await startSystem();
    await start(["provider", far], { PROVIDER_NAME: "near" });
    await start(["provider", far], { PROVIDER_NAME: "away", ALONE: "1" });
    await start(["coordinator"]);
    expect((await acomm("call", "who")).stdout).toBe('"away"\n');
    await server.kill();
    // whatever was on its way to the other machine when the server went may have run; the calls after it go to who is left
    await acomm("call", "who", "--timeout", "10s");
    expect(await acomm("call", "who", "--timeout", "10s")).toMatchObject({ code: 0, stdout: '"near"\n' });
    await server.restart();
    const deadline = performance.now() + 15_000;
    let answer = "";
    while (answer !== '"away"\n' && performance.now() < deadline) answer = (await acomm("call", "who")).stdout;
    expect(answer).toBe('"away"\n');
  }, 60_000);

  test("starts without it, and finds those who are there once it is", async () => {
    const { server, start, acomm } = await startSystem();
    await start(["provider", far], { PROVIDER_NAME: "near" });
    await server.kill();
    await start(["coordinator"]);
    expect(await acomm("call", "who")).toMatchObject({ code: 0, stdout: '"near"\n' });
    await server.restart();
    await start(["provider", far], { PROVIDER_NAME: "away", ALONE: "1" });
    const deadline = performance.now() + 15_000;
    let answer = "";
    while (answer !== '"away"\n' && performance.now() < deadline) answer = (await acomm("call", "who")).stdout;
    expect(answer).toBe('"away"\n');
  }, 60_000);
});
