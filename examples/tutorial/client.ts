import { createClient, Tracker } from "acomm";
import { join } from "node:path";
import type files from "./files.ts";

const tracker = new Tracker();
await tracker.start();
const client = createClient<ReturnType<typeof files>>(tracker, { socketDir: join(import.meta.dirname, "sockets") });

const names = await client.request("list", { ending: ".ts" });
console.log("here are", names.join(" and "));

const { sha256 } = await client.request("digest", { file: "numbers.txt" }, {
  timeoutMs: 5_000,
  onProgress: (value) => { console.log(value); },
});
console.log("it begins with", sha256.slice(0, 8));

await tracker.stop();
