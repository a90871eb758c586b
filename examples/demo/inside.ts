import assert from "node:assert/strict";
import { succeed } from "./demo.ts";
import type { Demo } from "./demo.ts";
import { heading, list, print, size } from "./print.ts";

export async function askOnTheCommandLine(demo: Demo): Promise<void> {
  heading("On the command line");
  print("$ acomm ls", await succeed(demo, "ls", "--output", "table"));
  print("$ acomm call cpu", await succeed(demo, "call", "cpu"));
  print("$ acomm call disks least=1e9", await succeed(demo, "call", "disks", "least=1e9"));
}

export async function askFromAProgram({ client }: Demo): Promise<void> {
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
