/** Prints `5, then bad_field`. */
import { createClient, Provider } from "@acomm/provider";
import { Tracker } from "@acomm/tracker";
import { z } from "zod";

const [socketDir = "."] = process.argv.slice(2);
const provider = new Provider({ socketDir, name: "adder" }).task("add", { args: z.array(z.number()), result: z.number() }, ({ args }) => args.reduce((sum, one) => sum + one, 0));
await provider.start();

const tracker = new Tracker();
await tracker.start();
const client = createClient<typeof provider>(tracker, `unix://${socketDir}/add/50-adder.sock`);
const sum: number = await client.request("add", [2, 3]);
// @ts-expect-error: what is no number doesn't compile, and is refused
const refused = client.request("add", ["2"]).catch((error: unknown) => (error as { readonly code: string }).code);
console.log(`${sum}, then ${String(await refused)}`);
await tracker.stop();
await provider.stop();
