import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const acomm = join(dirname(fileURLToPath(import.meta.resolve("acomm/package.json"))), "bin", "acomm.js");

/** Serves and calls by the command, on two machines, which are two socket directories here. Gives what the calls print. */
export async function callByCommand(server: string): Promise<string> {
  const directories = await Promise.all(["one", "two"].map((name) => mkdtemp(join(tmpdir(), `acomm-${name}-`))));
  const [one = "", two = ""] = directories;
  const start = async (socketDir: string, ...command: string[]) => {
    const child = spawn(process.execPath, [...process.execArgv, acomm, ...command], { cwd: import.meta.dirname, env: { ...process.env, ACOMM_SOCKET_DIR: socketDir }, stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    await once(child.stdout, "data");
    return { stop: () => (child.kill(), exited) };
  };
  // #region commands
  const provider = await start(one, "provider", "farm.ts", "--nats", server);
  const coordinator = await start(two, "coordinator", "--nats", server);
  const calls = [
    ["call", "frames", "count=2"], // by the coordinator of machine two
    ["call", "frames", "count=2", "--url", `${server}/acomm.tasks.frames`], // by the network, to whoever serves it
  ];
  // #endregion
  const printed = await Promise.all(calls.map((call) => promisify(execFile)(process.execPath, [...process.execArgv, acomm, ...call, "--output", "json"], { env: { ...process.env, ACOMM_SOCKET_DIR: two } })));
  await Promise.all([coordinator.stop(), provider.stop()]);
  for (const directory of directories) await rm(directory, { recursive: true });
  return printed.map(({ stdout }) => stdout.trimEnd()).join(" and ");
}
