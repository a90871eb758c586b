import { Provider } from "acomm";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

// #region provider
export default ({ socketDir }: { socketDir: string }) =>
  new Provider({
    socketDir,
    name: "words",
    listener: { group: process.getgid?.() }, // the unit's Group=: its members may call, not only its User=
  }).task("count-words", { args: z.string() }, async ({ args, signal, progress }) => {
    progress("begun");
    await setTimeout(args.length, undefined, { signal });
    return args.split(" ").length;
  });
// #endregion
