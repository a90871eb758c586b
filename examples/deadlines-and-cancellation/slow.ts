import { AcommError, coordinatorSocketPath, Provider, urlOfSocketPath } from "acomm";
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** Says when a handler was told to end. */
export const handlers = new EventEmitter<{ told: [] }>();

const work = z.object({ ms: z.number(), stepMs: z.number().default(2 ** 31 - 1) });
let runs = 0;

export const createSlow = (socketDir: string) =>
  new Provider({ socketDir, name: "slow" })
    // #region work
    .task("work", { args: work, timeoutMs: 60_000 }, async ({ args, signal, progress }) => {
      signal.addEventListener("abort", () => handlers.emit("told"));
      for (let done = 0; done < args.ms; done += args.stepMs) {
        await sleep(Math.min(args.stepMs, args.ms - done), undefined, { signal });
        progress(done);
      }
      return "done";
    })
    // #endregion
    // #region outer
    .task("outer", {}, async ({ tracker }) => {
      const coordinator = urlOfSocketPath(coordinatorSocketPath(socketDir));
      return tracker.request<string>(coordinator, { task: "work", args: { ms: 30_000 } });
    })
    // #endregion
    // #region moody
    .task("moody", { idempotent: true }, () => {
      runs += 1;
      if (runs < 3) throw new AcommError("remote", "not now", { retryable: true });
      return `done at run ${runs}`;
    });
    // #endregion
