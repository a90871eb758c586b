// Serves `who` in a directory until it is killed.
import { Provider } from "acomm";

const [socketDir = "", name = ""] = process.argv.slice(2);
const provider = new Provider({ socketDir, name }).task("who", { idempotent: true }, () => name);
await provider.start();
console.log("serving");
