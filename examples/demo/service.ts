/** A service on a unix socket: answers questions about this machine. Started by main.ts. */
import { AcommError } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { admitTargets, serve, UnixListener } from "@acomm/transport";
import type { HandlerContext } from "@acomm/transport";
import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describeFile, findLargeFile } from "./large-file.ts";
import { announce, toldToStop } from "./lifecycle.ts";
import { readCpu, readDisks, readMemory, readProcesses } from "./machine.ts";

const [directory = ""] = process.argv.slice(2);

const tracker = new Tracker({ socketPath: join(directory, "service-tracker.sock") });
await tracker.start();
const largeFile = await findLargeFile(directory);

const tasks = new Map<string, (context: HandlerContext) => unknown>([
  ["cpu", readCpu],
  ["memory", readMemory],
  ["disks", readDisks],
  ["processes", readProcesses],
  // takes longer than anyone waits; ends at once when nobody wants it any more
  ["slow", ({ signal }) => setTimeout(600_000, "at last", { signal })],
  ["file", async ({ attachStream }) => {
    attachStream(await tracker.createUnixStream(() => createReadStream(largeFile, { highWaterMark: 2 ** 20 }), { directory }));
    return describeFile(largeFile);
  }],
]);

const handle = ({ task }: Request, context: HandlerContext): unknown => {
  const run = tasks.get(task);
  if (run === undefined) throw new AcommError("unknown_task", `there is no task ${JSON.stringify(task)}: ask for ${[...tasks.keys()].join(", ")}`);
  return run(context);
};

const listener = new UnixListener(join(directory, "service.sock"));
await listener.start();
// it answers to sockets of the demo and to nobody else
const service = serve(listener, handle, { admit: admitTargets({ socketDirectories: [directory] }) });

announce(listener.url.href);
await toldToStop();

const { cut } = await service.stop({ graceMs: 200 });
await tracker.stop({ graceMs: 200 });
if (largeFile !== process.execPath) await rm(largeFile);
console.log(`service stopped${cut.map(({ task, ageMs }) => `; cut ${task} after ${(ageMs / 1000).toFixed(1)} s`).join("")}`);
