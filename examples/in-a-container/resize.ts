import { Provider } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

export default ({ socketDir }: { socketDir: string }) =>
  new Provider({ socketDir, name: "resizer" }).task("resize", { args: z.object({ image: z.string(), width: z.number() }), result: z.string() }, async ({ args, signal, progress }) => {
    progress("begun");
    await setTimeout(200, undefined, { signal });
    return `${args.image} at ${args.width}`;
  });
