/** The demo: a coordinator and two providers, a process each, called from the command line, from a program and over HTTP. Run it with `npm start`. */
import { AcommError, createClient, Tracker } from "acomm";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LargeFile } from "./large-file.ts";
import type { provider } from "./machine-provider.ts";
import { postAndWait, readEvents, urlOf } from "./outside.ts";
import { createProgress, heading, list, print, size } from "./print.ts";
import { Programs } from "./programs.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-demo-"));
const socketDir = join(directory, "sockets");
const programs = new Programs({ ACOMM_SOCKET_DIR: socketDir, DEMO_DIRECTORY: directory });
const tracker = new Tracker();
await tracker.start();
let problems: string[] = [];
process.once("SIGINT", () => { problems.push("interrupted"); });

try {
  const { http } = await programs.start("coordinator", ["coordinator", "--http", "0"]);
  assert.ok(http);
  const module = fileURLToPath(new URL("machine-provider.ts", import.meta.url));
  for (const name of ["left", "right"]) await programs.start(name, ["provider", module], { DEMO_PROVIDER: name });
  const client = createClient<typeof provider>(tracker, { socketDir });

  await askOnTheCommandLine();
  await askFromAProgram();
  const stream = await askFromOutside(http);
  await killOne();
  await tryWhatIsRefused(http, stream);
  console.log("\nchecked: every way gives the same answers, the stream arrived with the same sha256, the calls of a provider");
  console.log("that was killed had an outcome each, the other one took over, and what must be refused is refused");

  async function askOnTheCommandLine(): Promise<void> {
    heading("On the command line");
    print("$ acomm ls", await succeed("ls", "--output", "table"));
    print("$ acomm call cpu", await succeed("call", "cpu"));
    print("$ acomm call disks least=1e9", await succeed("call", "disks", "least=1e9"));
  }

  async function askFromAProgram(): Promise<void> {
    heading("From a program, with the provider's types");
    const memory = await client.request("memory");
    const processes = await client.request("processes");
    const steps: unknown[] = [];
    const { by } = await client.request("work", { ms: 40 }, { onProgress: (step) => steps.push(step) });
    assert.equal(steps.length, 4);
    assert.ok(memory.totalBytes > memory.availableBytes && processes.count > 0);
    list([
      ["memory", `${size(memory.totalBytes)}, ${size(memory.availableBytes)} available`],
      ["processes", `${processes.count}, the largest is ${processes.largest[0]?.name ?? ""}`],
      ["work", `done by ${by}, in ${steps.length} steps`],
    ]);
  }

  async function askFromOutside(door: string): Promise<URL> {
    heading("From outside, over HTTP");
    const overHttp = await postAndWait(door, { task: "cpu" });
    assert.equal((overHttp.result as { readonly model: string }).model, (await client.request("cpu")).model);
    const events = await readEvents(door, { task: "work", args: { ms: 40 } });
    assert.deepEqual(events.map(({ event }) => event), ["progress", "progress", "progress", "progress", "response"]);
    list([["cpu", (overHttp.result as { readonly model: string }).model], ["work", `${events.length - 1} events of progress, then the response`]]);

    const file = await postAndWait(door, { task: "file" });
    const { name, sizeBytes, sha256 } = file.result as LargeFile;
    console.log(`\n  ${name}, ${size(sizeBytes)}:`);
    const progress = createProgress(sizeBytes);
    const hash = createHash("sha256");
    let bytes = 0;
    const startedAt = performance.now();
    const stream = urlOf(file.stream_url);
    const { body } = await fetch(stream);
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.length;
      progress(bytes);
    }
    assert.equal(hash.digest("hex"), sha256);
    console.log(`  ${Math.round(bytes / 1000 / (performance.now() - startedAt))} MB/s, sha256 ${sha256.slice(0, 16)}… is the provider's`);
    return stream;
  }

  async function killOne(): Promise<void> {
    heading("One of the two is killed in the middle");
    const outcomes = new Map<string, number>();
    const calls = Array.from({ length: 100 }, async () => {
      const outcome = await client.request("work", { ms: 300 }, { timeoutMs: 10_000 }).then(({ by }) => `answered by ${by}`, (error: unknown) => (error instanceof AcommError ? error.code : String(error)));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    });
    await setTimeout(150);
    await programs.kill("left");
    const startedAt = performance.now();
    assert.equal((await client.request("work", { ms: 4 })).by, "right");
    const takenOverMs = performance.now() - startedAt;
    await Promise.all(calls);
    assert.equal([...outcomes.values()].reduce((sum, count) => sum + count, 0), calls.length);
    assert.ok([...outcomes.keys()].every((outcome) => outcome.startsWith("answered by") || outcome === "ambiguous"), [...outcomes.keys()].join());
    list([...[...outcomes].map(([outcome, count]) => [outcome === "ambiguous" ? "told that it may have run" : outcome, String(count)] as const), ["the next call", `answered by right, after ${takenOverMs.toFixed(0)} ms`]]);
  }

  async function tryWhatIsRefused(door: string, stream: URL): Promise<void> {
    heading("Refused");
    list([
      ["a task that nobody serves", await refusal("unknown_task", tracker.request(`unix://${socketDir}/coordinator/main.sock`, { task: "disk" }))],
      ["an argument of the wrong type", await refusal("bad_field", tracker.request(`unix://${socketDir}/coordinator/main.sock`, { task: "work", args: { ms: "long" } }))],
      ["a stream that was read before", `HTTP ${(await expectStatus(410, stream)).status}`],
      ["a stream that was not signed", `HTTP ${(await expectStatus(403, new URL(`/stream?addr=${encodeURIComponent(`unix://${socketDir}/cpu/50-right.sock`)}`, door))).status}`],
    ]);
  }
} catch (error) {
  problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await tracker.stop({ graceMs: 1000 });
  problems = [...problems, ...(await programs.stop())];
  for (const file of await readdir(socketDir, { recursive: true })) if (file.endsWith(".sock") && !file.endsWith("left.sock")) problems.push(`${file} is left in ${socketDir}`);
  await rm(directory, { recursive: true, force: true });
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
} else {
  console.log("coordinator and provider ended in order, and no socket of theirs is left");
}

/** What `acomm …` prints. @throws unless it succeeds */
async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await programs.run(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Waits for something to fail with this code, and gives what it says. */
async function refusal(code: string, promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof AcommError);
  assert.equal(error.code, code);
  return `${code}: ${error.message}`;
}

async function expectStatus(status: number, url: URL): Promise<globalThis.Response> {
  const response = await fetch(url);
  assert.equal(response.status, status);
  return response;
}
