import { AcommError, Provider } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

const disks = z.object({ disk: z.enum(["sda", "sdb", "sdc"]), full: z.boolean().default(false) });

export default ({ socketDir }: { socketDir: string }) =>
  new Provider({ socketDir, name: "backup" })
    .task("backup", { description: "Backs a disk up.", args: disks, timeoutMs: 60_000 }, async ({ args, signal, progress }) => {
      if (args.disk === "sdc") throw new AcommError("remote", "sdc is not mounted", { details: { mounted: ["sda", "sdb"] } });
      const minutes = args.disk === "sdb" ? 60 : 0;
      for (let part = 1; part <= 2; part += 1) {
        await setTimeout(minutes * 60_000, undefined, { signal });
        progress({ done: part, total: 2 });
      }
      return { disk: args.disk, full: args.full };
    })
    .task("log", { description: "The log of the last backup, as a stream." }, async ({ stream }) => {
      await stream(["sda: begun\n", "sda: done\n"]);
      return { lines: 2 };
    });
