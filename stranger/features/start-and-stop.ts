// Uses a bit of everything, stops it, and ends by itself where nothing is left open.
import { Coordinator, Provider, Tracker } from "acomm";

const [socketDir = ""] = process.argv.slice(2);
const provider = new Provider({ socketDir, name: "p" }).task("echo", {}, ({ args }) => args);
await provider.start();
const coordinator = new Coordinator({ socketDir, http: {} });
await coordinator.start();
const tracker = new Tracker();
await tracker.start();
console.log(await tracker.request(coordinator.url, { task: "echo", args: "ended" }));
await tracker.stop();
await coordinator.stop();
await provider.stop();
