import { asksOf, Provider } from "acomm";
import type { Request } from "acomm";
import { z } from "zod";

/** The id of the trace that a request belongs to. */
const traceOf = (request: Request): string => asksOf(request).trace?.traceparent.split("-")[1] ?? "no trace";

export default ({ socketDir, log = console.error }: { socketDir: string; log?: (line: string) => void }) =>
  new Provider({
    socketDir,
    name: "orders",
    // #region hook
    onError: (error) => { log(`orders: ${error.code}: ${error.message}`); }, // what no caller can be told
    // #endregion
  })
    // #region trace
    .task("order", { args: z.string(), description: "Orders a thing." }, async ({ args, request, tracker }) => {
      log(`order ${args}, trace ${traceOf(request)}`);
      return tracker.request(`unix://${socketDir}/pay/50-orders.sock`, { task: "pay", args }); // in the same trace, within the same time
    })
    .task("pay", { args: z.string(), description: "Pays for it." }, ({ args, request }) => {
      log(`pay for ${args}, trace ${traceOf(request)}`);
      return `${args} is paid`;
    })
    // #endregion
    .task("bill", { description: "Gives a bill, half of it." }, async ({ stream }) => {
      await stream(async function* () {
        yield "a bill of ";
        await Promise.reject(new Error("the printer is out of paper"));
      }());
    });
