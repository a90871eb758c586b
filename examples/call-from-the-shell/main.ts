/** A shell script that calls a task and branches on the exit code, run in every case. */
import { Coordinator } from "acomm";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import createProvider from "./backup.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-shell-"));
const socketDir = join(directory, "sockets");

// the command as it is installed beside this program
const bin = fileURLToPath(new URL("bin/acomm.js", import.meta.resolve("acomm/package.json")));
await writeFile(join(directory, "acomm"), `#!/bin/sh\nexec '${process.execPath}' ${process.execArgv.join(" ")} '${bin}' "$@"\n`);
await chmod(join(directory, "acomm"), 0o755);
const env = { ...process.env, PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}`, ACOMM_SOCKET_DIR: socketDir };

async function nightly(disk: string): Promise<string> {
  const { stdout } = await promisify(execFile)("sh", [join(import.meta.dirname, "nightly.sh"), disk], { env });
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

assert.equal(await nightly("sda"), "sda: it did not run: try again later");
const coordinator = new Coordinator({ socketDir });
const provider = createProvider({ socketDir });
await coordinator.start();
await provider.start();
assert.equal(await nightly("sda"), "sda: done");
assert.equal(await nightly("sdb"), "sdb: no answer in time; it was told to give up");
assert.equal(await nightly("sdc"), "sdc: it failed");
assert.equal(await nightly("sdd"), "sdd: it failed", "and the schema has refused it");

await coordinator.stop();
const { cut } = await provider.stop({ graceMs: 1_000 });
assert.deepEqual(cut, [], "the one that took too long was aborted when its caller gave it up");
await rm(directory, { recursive: true });
console.log("call-from-the-shell: a script told five outcomes apart by the exit code");
