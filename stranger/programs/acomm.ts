/** Prints `hello Ada, and again over HTTP`. */
import { AcommError, Coordinator, createClient, encodeFrame, MultiRequest, Provider, Tracker } from "acomm";

const [socketDir = "."] = process.argv.slice(2);
const provider = new Provider({ socketDir, name: "greeter" }).task("greet", {}, ({ args }) => `hello ${String(args)}`);
await provider.start();
const coordinator = new Coordinator({ socketDir, http: {} });
await coordinator.start();
const tracker = new Tracker();
await tracker.start();

const client = createClient<typeof provider>(tracker, { socketDir });
const answer = await client.request("greet", "Ada");
const multi = new MultiRequest(tracker);
multi.request("one", coordinator.url, { task: "greet", args: "Ada" });
if ((await multi.responses()).get("one")?.result !== answer) throw new AcommError("bad_field", "two answers to one question");
const response = await fetch(new URL("?wait=5s", coordinator.httpUrl), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id: "1", task: "greet", args: "Ada" }) });
const { result } = (await response.json()) as { readonly result: unknown };
console.log(result === answer && encodeFrame("x").length > 0 ? `${answer}, and again over HTTP` : result);

await tracker.stop();
await coordinator.stop();
await provider.stop();
