import { Provider } from "acomm";
import { z } from "zod";

export default ({ socketDir }: { socketDir: string }) =>
  new Provider({ socketDir, name: "words" })
    .task(
      "count-words",
      {
        description: "Counts the words of some texts.",
        args: z.object({ texts: z.array(z.string()), least: z.number().default(1) }),
        result: z.object({ words: z.number() }),
        timeoutMs: 5_000, // from the acceptance to the answer
        concurrency: 8, // at once; 1000 more may wait, see maxQueued
        idempotent: true,
      },
      async ({ args, signal, progress }) => {
        let words = 0;
        for (const [index, text] of args.texts.entries()) {
          signal.throwIfAborted(); // the caller has left, or the time is up
          words += text.split(" ").filter((word) => word.length >= args.least).length;
          progress({ done: index + 1, total: args.texts.length });
        }
        return { words };
      },
    )
    .task("divide", { args: z.object({ by: z.number() }) }, ({ args }) => {
      if (args.by === 0) throw new RangeError("nothing can be divided by 0");
      return 100 / args.by;
    });
