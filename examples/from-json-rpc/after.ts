import { AcommError, createClient, MultiRequest, Provider, Tracker } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

// #region server
export function createCopier(socketDir: string, lines: string[]) {
  return new Provider({ socketDir, name: "copier" })
    .task("copy", { args: z.object({ steps: z.number() }), result: z.string() }, async ({ args, signal, progress }) => {
      if (args.steps > 10) throw new AcommError("remote", "ten steps are the most", { details: { most: 10 } });
      for (let done = 1; done <= args.steps; done += 1) {
        progress(done);
        await setTimeout(5, undefined, { signal });
      }
      return "copied";
    })
    .task("log", { args: z.string() }, ({ args }) => { lines.push(args); });
}
// #endregion

// #region client
export async function callAll(socketDir: string): Promise<unknown[]> {
  await using tracker = new Tracker();
  await tracker.start();
  const copyUrl = `unix://${socketDir}/copy/50-copier.sock`;
  const copier = createClient<ReturnType<typeof createCopier>>(tracker, copyUrl);
  const steps: unknown[] = [];
  const result = await copier.request("copy", { steps: 2 }, { onProgress: (done) => steps.push(done) });
  const error: unknown = await copier.request("copy", { steps: 11 }).catch((reason: unknown) => reason);
  await createClient<ReturnType<typeof createCopier>>(tracker, `unix://${socketDir}/log/50-copier.sock`).request("log", "written down");
  const giveUp = new AbortController();
  const cancelled = copier.request("copy", { steps: 10 }, { signal: giveUp.signal }).catch((reason: unknown) => reason);
  giveUp.abort();
  await cancelled;
  const multi = new MultiRequest(tracker, { timeoutMs: 2_000 });
  for (const count of [1, 2, 3]) multi.request(String(count), copyUrl, { task: "copy", args: { steps: count } });
  const batch = [...(await multi.responses()).values()].map((response) => response.result);
  return [result, steps, (error as AcommError).details, batch];
}
// #endregion
