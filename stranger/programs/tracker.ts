/** Prints `unavailable: nobody is there`. */
import { Tracker } from "@acomm/tracker";

const [directory = "."] = process.argv.slice(2);
const tracker = new Tracker({ socketPath: `${directory}/tracker.sock` });
await tracker.start();
try {
  await tracker.request(`unix://${directory}/nobody.sock`, { task: "greet", timeoutMs: 1_000 });
} catch (error) {
  console.log(`${(error as { readonly code: string }).code}: nobody is there`);
}
await tracker.stop();
