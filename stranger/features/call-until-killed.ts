// Calls a task that never ends.
import { Tracker } from "acomm";

const [url = ""] = process.argv.slice(2);
const tracker = new Tracker();
await tracker.start();
void tracker.request(url, { task: "wait", timeoutMs: 60_000 });
console.log("calling");
