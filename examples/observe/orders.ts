import { Provider } from "acomm";
import type { TraceContext } from "acomm";
import { z } from "zod";

/** The id of a trace. */
const idOf = (trace: TraceContext | undefined): string => trace?.traceparent.split("-")[1] ?? "no trace";

export default ({ socketDir, log = console.error }: { socketDir: string; log?: (line: string) => void }) =>
  new Provider({
    socketDir,
    name: "orders",
    // #region hook
    onError: (error) => { log(`orders: ${error.code}: ${error.message}`); }, // what no caller can be told
    // #endregion
  })
    // #region trace
    .task("order", { args: z.string(), description: "Orders a thing." }, async ({ args, trace, tracker }) => {
      log(`order ${args}, trace ${idOf(trace)}`);
      return tracker.request(`unix://${socketDir}/pay/50-orders.sock`, { task: "pay", args }); // in the same trace, within the same time
    })
    .task("pay", { args: z.string(), description: "Pays for it." }, ({ args, trace }) => {
      log(`pay for ${args}, trace ${idOf(trace)}`);
      return `${args} is paid`;
    })
    // #endregion
    .task("bill", { description: "Gives a bill, half of it." }, async ({ stream }) => {
      await stream(async function* () {
        yield "a bill of ";
        await Promise.reject(new Error("the printer is out of paper"));
      }());
    });
