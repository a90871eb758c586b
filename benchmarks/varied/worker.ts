/** The service or the caller of calls that have more than their arguments. */
import { Tracker } from "@acomm/tracker";
import { serve, UnixListener } from "@acomm/transport";
import { callLoop } from "../call-loop.ts";
import { answer } from "../process/answer.ts";
import { variants } from "./variants.ts";

let tracker: Tracker | undefined;

answer({
  async serve({ socketPath }: { readonly socketPath: string }) {
    const listener = new UnixListener(socketPath);
    await listener.start();
    serve(listener, async ({ task, args }, { progress }) => {
      if (task === "fail") throw new Error("it failed");
      if (task === "progress") progress(1);
      if (task === "later") await new Promise((resolve) => setImmediate(resolve));
      return args;
    });
  },
  async call({ socketPath, variant, inFlight, calls }: { readonly socketPath: string; readonly variant: string; readonly inFlight: number; readonly calls: number }) {
    const call = variants[variant];
    if (call === undefined) throw new Error(`no such variant: ${variant}`);
    tracker ??= await startTracker();
    const caller = tracker;
    return callLoop(calls, inFlight, (index) => call(caller, `unix://${socketPath}`, index));
  },
});

async function startTracker(): Promise<Tracker> {
  const started = new Tracker();
  await started.start();
  return started;
}
