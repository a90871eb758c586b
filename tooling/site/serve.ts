// Shows the built site on loopback, until it is interrupted: node serve.ts [port]
import { join } from "node:path";
import { root } from "./repository.ts";
import { serveSite } from "./site-server.ts";

const { url } = await serveSite(join(root, ".cache", "site"), Number(process.argv[2] ?? 8090));
console.log(`${url}index.html`);
