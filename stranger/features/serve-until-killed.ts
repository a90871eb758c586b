// Serves a task that never ends, at the socket that is given, and says what becomes of its signal.
import { serve, UnixListener } from "acomm";

const [path = ""] = process.argv.slice(2);
const listener = new UnixListener(path);
await listener.start();
serve(listener, async (_, { signal }) => {
  console.log("called");
  await new Promise((resolve) => { signal.addEventListener("abort", resolve); });
  console.log("aborted");
});
console.log("listening");
