/** A Go program calls a provider, and a tracker calls a Go service: the sources beside this file, built where there is a Go. */
import { Provider, Tracker } from "acomm";
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

if (spawnSync("go", ["version"]).status !== 0) {
  console.log("call-from-go: left out, there is no go to build with");
  process.exit();
}

const directory = await mkdtemp(join(tmpdir(), "acomm-go-"));
const program = join(directory, "program");
const run = promisify(execFile);
const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" };
await run("go", ["build", "-o", program, "."], { cwd: import.meta.dirname, env });
await run("go", ["vet", "."], { cwd: import.meta.dirname, env });

// #region provider
const provider = new Provider({ socketDir: directory, name: "greeter" }).task(
  "greet",
  { args: z.object({ name: z.string() }) },
  ({ args }) => `hello ${args.name}`,
);
await provider.start();
// #endregion

/** What the Go program prints. */
async function callFromGo(args: unknown): Promise<string> {
  const call = ["call", join(directory, "greet", "50-greeter.sock"), "greet", JSON.stringify(args)];
  const { stdout } = await run(program, call).catch((error: unknown) => error as { readonly stdout: string });
  return stdout.trimEnd();
}

console.log("Go calls:", await callFromGo({ name: "Ada" }));
console.log("Go calls:", await callFromGo({ name: 1 }));
assert.equal(await callFromGo({ name: "Ada" }), 'result: "hello Ada"');

const service = spawn(program, ["serve", join(directory, "adder.sock")], { stdio: ["ignore", "pipe", "inherit"] });
await once(service.stdout, "data");

// #region tracker
const tracker = new Tracker();
await tracker.start();
const sum = await tracker.request<number>(`unix://${directory}/adder.sock`, { task: "add", args: [1, 2, 3.5], timeoutMs: 2_000 });
console.log("Go answers:", sum);
// #endregion
assert.equal(sum, 6.5);
await assert.rejects(tracker.request(`unix://${directory}/adder.sock`, { task: "add", args: "one" }), { code: "remote", message: /json: cannot unmarshal string/ });
await assert.rejects(tracker.request(`unix://${directory}/adder.sock`, { task: "subtract" }), { code: "unknown_task" });

service.kill();
await tracker.stop();
await provider.stop();
await rm(directory, { recursive: true });
