import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("the coordinator of door.ts is open to its group, and SIGTERM ends it in order", async () => {
  const socketDir = await mkdtemp(join(tmpdir(), "acomm-door-"));
  onTestFinished(() => rm(socketDir, { recursive: true }));
  const child = spawn(process.execPath, ["--conditions=@acomm/source", join(import.meta.dirname, "door.ts")], { env: { ...process.env, ACOMM_SOCKET_DIR: socketDir }, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const { mode, gid } = await stat(join(socketDir, "coordinator", "main.sock"));
  expect([(mode & 0o777).toString(8), gid]).toEqual(["660", process.getgid?.()]);
  child.kill("SIGTERM");
  expect((await once(child, "exit"))[0]).toBe(0);
  expect(await readdir(join(socketDir, "coordinator"))).toEqual([]);
});
