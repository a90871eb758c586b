import { Provider } from "acomm";
import { createNatsNetwork } from "acomm/nats";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";

// #region provider
export function createRenderer(server: string, machine: string) {
  const network = createNatsNetwork({ server });
  const provider = new Provider({ network, name: "renderer" })
    .task("render", { args: z.object({ scene: z.string() }), result: z.string() }, async ({ args, signal }) => {
      await setTimeout(args.scene === "slow" ? 60_000 : 10, undefined, { signal });
      return `${args.scene} by ${machine}`;
    })
    .task("film", {}, async ({ stream }) => {
      await stream(["frame 1, ", "frame 2"]);
    });
  return { provider, network };
}
// #endregion
