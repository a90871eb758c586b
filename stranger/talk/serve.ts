// Serves `who` at a socket, with the name and the version that are given, until its standard input ends.
import { Provider } from "acomm";

const [socketDir = "", name = ""] = process.argv.slice(2);
const provider = new Provider({ socketDir, name }).task("who", {}, async ({ args, stream }) => {
  await stream([`a stream of ${name}`]);
  return `${name} heard ${String(args)}`;
});
await provider.start();
console.log("serving");
process.stdin.resume().once("end", () => void provider.stop());
