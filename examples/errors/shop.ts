import { AcommError, Provider } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

let counting = 2;

export default ({ socketDir }: { socketDir: string }) =>
  new Provider({ socketDir, name: "shop" })
    // #region fail
    .task("buy", { args: z.object({ item: z.string(), count: z.number().min(1) }) }, ({ args }) => {
      if (args.item === "moon") throw new Error("the moon is sold out");
      if (args.count > 10) throw new AcommError("remote", "ten are all that one may have", { details: { most: 10 } });
      if (counting-- > 0) throw new AcommError("remote", "the till is being counted", { retryable: true });
      return `${args.count} ${args.item}`;
    })
    // #endregion
    .task("wait", { concurrency: 1, maxQueued: 1 }, ({ signal }) => setTimeout(60_000, "at last", { signal }));
