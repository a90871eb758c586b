/** What the Dockerfile and compose.yaml start, each as process 1 of a namespace, with a directory that they share in place of the volume. */
import { createClient, Tracker } from "acomm";
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandIn, hasNamespaces, run, start } from "./container.ts";
import type createResizer from "./resize.ts";

if (!hasNamespaces) {
  console.log("in-a-container: left out, no namespaces can be made here");
  process.exit();
}

const directory = await mkdtemp(join(tmpdir(), "acomm-box-"));
const socketDir = join(directory, "acomm");
await mkdir(socketDir, { mode: 0o700 });
await writeFile(join(directory, "tokens"), "a-long-secret\n");
await mkdir(join(directory, "bin")); // what npm ci makes in the image
const acomm = join(dirname(fileURLToPath(import.meta.resolve("acomm/package.json"))), "bin", "acomm.js");
await writeFile(join(directory, "bin", "acomm"), `#!/bin/sh\nexec ${process.execPath} ${process.execArgv.join(" ")} ${acomm} "$@"\n`, { mode: 0o755 });
const env = { HOME: directory, PATH: `${directory}/bin:${process.env["PATH"] ?? ""}`, ACOMM_SOCKET_DIR: socketDir };
const here = (command: string[]): string[] => command.map((word) => word.replace("/run/acomm", socketDir).replace("/run/secrets", directory).replace(":8080", ":0"));

const healthcheck = here(commandIn("Dockerfile", "HEALTHCHECK"));
assert.equal(run(healthcheck, env).code, 4);
const resizer = await start(here(commandIn("Dockerfile", "CMD")), env, ["unshare", "--net"]);
const coordinator = await start(here(commandIn("compose.yaml", "command:")), env);
const health = run(healthcheck, env);
console.log(`resizer: process ${(JSON.parse(health.printed) as { pid: number }).pid} of its container, health check exits with ${health.code ?? "nothing"}`);
console.log(`coordinator: health check exits with ${run(here(commandIn("compose.yaml", "healthcheck:").slice(1)), env).code ?? "nothing"}`);

const http = new URL(coordinator.http ?? "");
const ask = (host: string, token: string): Promise<Response> => fetch(`http://${host}:${http.port}/?wait=5s`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, body: '{"id":"1","task":"resize","args":{"image":"cat","width":64}}' });
const answer = (await (await ask("localhost", "a-long-secret")).json()) as { readonly result: string };
console.log(`over HTTP: ${answer.result}; without the token ${(await ask("localhost", "wrong")).status}`);

await using tracker = new Tracker();
await tracker.start();
const client = createClient<ReturnType<typeof createResizer>>(tracker, { socketDir });
const heard = Promise.withResolvers<unknown>();
const underWay = client.request("resize", { image: "dog", width: 64 }, { onProgress: heard.resolve });
await heard.promise;
const exit = await resizer.stop();
console.log(`SIGTERM to process 1: exit ${exit ?? "by signal"}, and the call under way gave ${await underWay}`);
assert.deepEqual([health.code, answer.result, exit, await coordinator.stop()], [0, "cat at 64", 0, 0]);
assert.equal(run(healthcheck, env).code, 4);
await rm(directory, { recursive: true });
