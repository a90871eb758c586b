import { Tracker } from "@acomm/tracker";
import { createRegistry, serve as serveRequests } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import { readFile, writeFile } from "node:fs/promises";
import type { Caller } from "../contestant.ts";
import { startBroker } from "./nats.ts";

export { brokerPid } from "./nats.ts";

const subject = "echo";

/** What a user writes, over a nats-server: an async handler, `tracker.request`, acknowledgements, timeouts and limits on. */
export async function serve(socketPath: string): Promise<void> {
  const server = await startBroker();
  const listener = createNatsNetwork({ server }).createListener(subject);
  await listener.start();
  serveRequests(listener, async (request) => request.args);
  await writeFile(socketPath, new URL(listener.url).href); // where the client is to look
}

export async function connect(socketPath: string): Promise<Caller> {
  const url = await readFile(socketPath, "utf8");
  const network = createNatsNetwork({ server: new URL("/", url) });
  const tracker = new Tracker({ registry: createRegistry([network.transport]), listener: network.createListener() });
  await tracker.start();
  return {
    call: (args) => tracker.request(url, { task: "echo", args, timeoutMs: 30_000 }),
    async close() {
      await tracker.stop();
      await network.close();
    },
  };
}
