/** A provider of what this machine is like; `acomm provider` runs it. Two of them serve the same tasks in the demo. */
import { Provider } from "acomm";
import { createReadStream } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { readDisks } from "./disks.ts";
import { describeFile, findLargeFile } from "./large-file.ts";
import { readCpu, readMemory } from "./machine.ts";
import { readProcesses } from "./processes.ts";

const { ACOMM_SOCKET_DIR: socketDir = "/run/acomm", DEMO_PROVIDER: name = "machine", DEMO_DIRECTORY: directory = "/tmp" } = process.env;

export const provider = new Provider({ socketDir, name })
  .task("cpu", { description: "The processor and its load.", idempotent: true }, readCpu)
  .task("memory", { description: "How much memory there is, and how much of it is free.", idempotent: true }, readMemory)
  .task("disks", { description: "What is mounted, and how full it is.", args: z.object({ least: z.number().default(0) }), idempotent: true }, async ({ args }) =>
    (await readDisks()).filter(({ sizeBytes }) => sizeBytes >= args.least),
  )
  .task("processes", { description: "How many processes there are, and the largest." }, readProcesses)
  .task("work", { description: "Works for some milliseconds, and says who did.", args: z.object({ ms: z.number().max(60_000) }) }, async ({ args, signal, progress }) => {
    for (let done = 1; done <= 4; done += 1) {
      await setTimeout(args.ms / 4, undefined, { signal });
      progress({ done, of: 4 });
    }
    return { by: name };
  })
  .task("file", { description: "A large file, as a stream.", concurrency: 4 }, async ({ stream }) => {
    const path = await findLargeFile(directory);
    await stream(() => createReadStream(path, { highWaterMark: 2 ** 20 }));
    return describeFile(path);
  });
