/** A provider, a coordinator or a caller of the coordinator's benchmark. */
import { Coordinator } from "@acomm/coordinator";
import { Provider } from "@acomm/provider";
import { Tracker } from "@acomm/tracker";
import { callLoop } from "../call-loop.ts";
import { payloadOf } from "../payload.ts";
import { answer } from "../process/answer.ts";

const args = payloadOf(200);
let tracker: Tracker | undefined;

answer({
  async provide({ socketDir, task }: { readonly socketDir: string; readonly task: string }) {
    await new Provider({ socketDir, name: "bench" }).task(task, { concurrency: 10_000 }, async ({ args: given }) => given).start();
  },
  async coordinate({ socketDir }: { readonly socketDir: string }) {
    await new Coordinator({ socketDir }).start();
  },
  async call({ socketPath, task, inFlight, calls }: { readonly socketPath: string; readonly task: string; readonly inFlight: number; readonly calls: number }) {
    tracker ??= await startTracker();
    const caller = tracker;
    return callLoop(calls, inFlight, () => caller.request(`unix://${socketPath}`, { task, args }));
  },
});

async function startTracker(): Promise<Tracker> {
  const started = new Tracker();
  await started.start();
  return started;
}
