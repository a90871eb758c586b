/** The renderer as a process: `process.ts <server> <machine>`. */
import { createRenderer } from "./renderer.ts";

const [server = "", machine = ""] = process.argv.slice(2);
// #region process
const { provider, network } = createRenderer(server, machine);
await provider.start();
process.once("SIGTERM", () => {
  void provider.stop({ graceMs: 20_000 }).then(() => network.close());
});
console.log("ready");
// #endregion
