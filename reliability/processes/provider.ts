// A provider that writes down what it runs; SIGTERM ends it in order.
import { AcommError } from "@acomm/protocol";
import { Provider } from "@acomm/provider";
import type { TaskContext } from "@acomm/provider";
import { coordinatorSocketPath } from "@acomm/tracker";
import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";

const [socketDir = "", name = "", notesPath = ""] = process.argv.slice(2);
const note = (text: string): void => { appendFileSync(notesPath, `${text}\n`); };
/** The time of day, to a fraction of a millisecond: it is compared across processes. */
const clock = (): number => performance.timeOrigin + performance.now();

/** Waits for the end of the request, and writes down why and when it came. */
async function noteEnd(task: string, { signal }: TaskContext): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  const reason: unknown = signal.reason;
  note(JSON.stringify({ task, code: reason instanceof AcommError ? reason.code : String(reason), at: clock() }));
  throw reason;
}

const provider = new Provider({ socketDir, name });
if (name === "outer") {
  provider.task("outer", {}, async (context) => {
    const end = noteEnd("outer", context);
    end.catch(() => undefined); // the call below is what it fails with
    await context.tracker.request(`unix://${coordinatorSocketPath(socketDir)}`, { task: "inner" });
  });
} else if (name === "inner") {
  provider.task("inner", {}, (context) => {
    context.progress("running");
    note(JSON.stringify({ task: "inner", code: "began", at: clock() }));
    return noteEnd("inner", context);
  });
} else {
  provider.task("work", { concurrency: 2000 }, async ({ args, signal }) => {
    const { key, ms } = args as { readonly key: string; readonly ms: number };
    note(key);
    if (ms > 0) await setTimeout(ms, undefined, { signal });
    return { key, by: name };
  });
}
await provider.start();
process.send?.("ready");
await once(process, "SIGTERM");
await provider.stop({ graceMs: 10_000 });
process.disconnect();
