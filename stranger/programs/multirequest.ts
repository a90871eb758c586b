/** Prints `left unavailable, right unavailable`. */
import { MultiRequest } from "@acomm/multirequest";
import { Tracker } from "@acomm/tracker";

const [directory = "."] = process.argv.slice(2);
const tracker = new Tracker();
await tracker.start();
const multi = new MultiRequest(tracker, { timeoutMs: 1_000 });
for (const name of ["left", "right"]) multi.request(name, `unix://${directory}/${name}.sock`, { task: "greet" });
const outcomes = [...await multi.responses()].map(([name, { error }]) => `${name} ${error.split(":")[0] ?? ""}`);
console.log(outcomes.sort().join(", "));
await tracker.stop();
