// Makes the calls that its parent sends, and is killed while it does.
import { Tracker } from "@acomm/tracker";
import { ask } from "../kill/ask.ts";
import type { Question } from "../kill/ask.ts";

const [url = "", socketPath = ""] = process.argv.slice(2);
const tracker = new Tracker({ socketPath });
await tracker.start();
process.on("message", (questions: readonly Question[]) => {
  for (const question of questions) void ask(tracker, url, question);
});
process.send?.("ready");
