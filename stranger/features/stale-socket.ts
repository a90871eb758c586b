// Leaves a socket behind at which nobody listens.
import { createServer } from "node:net";

const [path = ""] = process.argv.slice(2);
createServer().listen(path, () => {
  console.log("listening");
  process.kill(process.pid, "SIGKILL");
});
