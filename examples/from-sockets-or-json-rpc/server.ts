/** One of the two services as a process of its own: `server.ts by-hand|served <path>`; says so when it is ready. */
import { once } from "node:events";
import { listenByHand } from "./by-hand.ts";
import { listen } from "./served.ts";

const [kind, path = ""] = process.argv.slice(2);
if (kind === "by-hand") await once(listenByHand(path), "listening");
else await listen(path);
console.log("ready");
