// Calls `who` of each of some providers, reads the streams, and prints what it heard.
import { openStream, Tracker } from "acomm";
import { text } from "node:stream/consumers";

const [socketDir = "", name = "", ...others] = process.argv.slice(2);
const tracker = new Tracker();
await tracker.start();
for (const other of others) {
  const heard = await tracker.call(`unix://${socketDir}/who/50-${other}.sock`, { task: "who", args: name, timeoutMs: 10_000 }).then(
    async ({ result, streamUrl }) => `${String(result)}, and ${await text(await openStream(streamUrl ?? ""))}`,
    (error: unknown) => String(error),
  );
  console.log(heard);
}
await tracker.stop();
