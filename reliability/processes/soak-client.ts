// The client of the soak: calls as its parent says, and tells it what became of the calls.
import { runLoad } from "../soak/load.ts";
import type { Targets } from "../soak/load.ts";

const targets = JSON.parse(process.argv[2] ?? "{}") as Targets;
process.on("message", (options: { readonly seconds: number; readonly rate: number; readonly prefix: string; readonly restEverySeconds: number }) => {
  void (async () => {
    const done = await runLoad(targets, { ...options, onSecond: (totals, rest) => process.send?.({ totals, rest }) });
    process.send?.({ done });
  })();
});
process.send?.("ready");
