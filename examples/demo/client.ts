/** The client: asks the service over its socket and through the gateway, and checks every answer. Started by main.ts. */
import { AcommError } from "@acomm/protocol";
import type { AcommErrorCode } from "@acomm/protocol";
import { MultiRequest } from "@acomm/multirequest";
import { Tracker } from "@acomm/tracker";
import { createResponseHandler, openStream } from "@acomm/transport";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { LargeFile } from "./large-file.ts";
import { announce } from "./lifecycle.ts";
import type { Cpu, Disk, Memory, Processes } from "./machine.ts";
import { createProgress, heading, list, size, table } from "./print.ts";

const [directory = "", service = ""] = process.argv.slice(2);

const tracker = new Tracker({ socketPath: join(directory, "client.sock") });
await tracker.start();

// answers to what goes through the gateway come here
const takeResponse = createResponseHandler(tracker.handleResponse);
const server = createServer((request, response) => void takeResponse(request, response)).listen(0, "127.0.0.1");
await once(server, "listening");
const responseHook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

announce(new URL(responseHook).origin);
const [{ gateway }] = (await once(process, "message")) as [{ readonly gateway: string }];

try {
  await askOverSocket();
  await askOverHttp();
  const file = await streamFile();
  await gather();
  await tryWhatIsRefused(file.streamUrl);
  assert.equal(tracker.pendingCount, 0);
  console.log(`\nchecked: the answers over the socket and over HTTP agree, ${size(file.sizeBytes)} arrived with the same sha256,`);
  console.log("the partial results are complete but for the task that timed out, and what must be refused is refused");
} finally {
  server.close();
  server.closeAllConnections();
  await tracker.stop({ graceMs: 1000 });
}

async function askOverSocket(): Promise<void> {
  const cpu = await tracker.request<Cpu>(service, { task: "cpu" });
  const memory = await tracker.request<Memory>(service, { task: "memory" });
  const disks = await tracker.request<Disk[]>(service, { task: "disks" });
  const processes = await tracker.request<Processes>(service, { task: "processes" });
  assert(cpu.cores > 0 && cpu.load.length === 3);
  assert(memory.totalBytes > memory.availableBytes && memory.availableBytes > 0);
  assert(disks.some((disk) => disk.mount === "/"));
  assert(processes.count > 0 && processes.largest.length > 0);

  heading("This machine, asked over a unix socket");
  list([
    ["cpu", `${cpu.model}, ${cpu.cores} cores`],
    ["load", cpu.load.map((load) => load.toFixed(2)).join(" ")],
    ["memory", `${size(memory.totalBytes)}, ${size(memory.availableBytes)} available`],
    ["processes", `${processes.count}, the largest:`],
  ]);
  console.log();
  table(["pid", "name", "memory"], processes.largest.map(({ pid, name, residentBytes }) => [String(pid), name, size(residentBytes)]));
  console.log();
  table(["mounted at", "type", "size", "free"], disks.map(({ mount, type, sizeBytes, freeBytes }) => [mount, type, size(sizeBytes), size(freeBytes)]));
}

async function askOverHttp(): Promise<void> {
  heading("The same through the gateway: HTTP there, HTTP back");
  const rows: string[][] = [];
  for (const task of ["cpu", "memory", "disks", "processes"]) {
    const overSocket = await timed(() => tracker.request(service, { task }));
    const overHttp = await timed(() => tracker.request(gateway, { task, responseHook }));
    assert.equal(lasting(overHttp.result), lasting(overSocket.result));
    rows.push([task, `${overSocket.ms.toFixed(1)} ms`, `${overHttp.ms.toFixed(1)} ms`]);
  }
  table(["task", "unix", "http"], rows);
}

async function streamFile(): Promise<LargeFile & { readonly streamUrl: URL }> {
  const { result, streamUrl } = await tracker.call<LargeFile>(gateway, { task: "file", responseHook });
  assert(result !== null && streamUrl !== null);
  assert(result.sizeBytes >= 100_000_000);
  assert(streamUrl.href.startsWith(`${gateway}/stream?`));

  heading(`${result.name}, ${size(result.sizeBytes)}, streamed through the gateway`);
  const progress = createProgress(result.sizeBytes);
  const hash = createHash("sha256");
  const startedAt = performance.now();
  let bytes = 0;
  for await (const chunk of (await openStream(streamUrl)) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    progress(bytes);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const sha256 = hash.digest("hex");
  assert.equal(bytes, result.sizeBytes);
  assert.equal(sha256, result.sha256);
  console.log(`  ${Math.round(bytes / 1e6 / seconds)} MB/s, sha256 ${sha256.slice(0, 16)}… is the service's`);
  return { ...result, streamUrl };
}

async function gather(): Promise<void> {
  heading("Gathered with one wait of at most 500 ms");
  const multi = new MultiRequest(tracker, { timeoutMs: 500 });
  for (const task of ["cpu", "memory", "disks", "processes", "slow"]) multi.request(task, service, { task });
  const responses = await multi.responses();
  assert.equal(responses.size, 5);
  for (const [task, { error }] of responses) assert.match(error, task === "slow" ? /^timeout: / : /^$/);
  list([...responses].map(([task, { error }]) => [task, error === "" ? "answered" : error]));
}

async function tryWhatIsRefused(readStream: URL): Promise<void> {
  heading("Refused");
  list([
    ["an unknown task", await refusal("unknown_task", tracker.request(service, { task: "reboot" }))],
    ["an answer to another origin", await refusal("forbidden_target", tracker.request(gateway, { task: "cpu", responseHook: "http://127.0.0.1:9/" }))],
    ["a stream that was not signed", await refusal("forbidden_target", openStream(`${gateway}/stream?addr=${encodeURIComponent(service)}`))],
    ["a stream that was read before", await refusal("unavailable", openStream(readStream))],
  ]);
}

/** Waits for something to fail with this code. */
async function refusal(code: AcommErrorCode, promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert(error instanceof AcommError);
  assert.equal(error.code, code);
  return code;
}

async function timed<Result>(run: () => Promise<Result>): Promise<{ readonly result: Result; readonly ms: number }> {
  const startedAt = performance.now();
  const result = await run();
  return { result, ms: performance.now() - startedAt };
}

/** An answer as JSON, without what changes from one moment to the next. */
function lasting(result: unknown): string {
  const changing = ["load", "availableBytes", "freeBytes", "count", "largest"];
  return JSON.stringify(result, (key, value: unknown) => (changing.includes(key) ? undefined : value));
}
