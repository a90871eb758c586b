import jayson from "jayson/promise/index.js";
import { once } from "node:events";
import { Agent } from "node:http";
import type { Caller } from "../contestant.ts";

/** JSON-RPC over HTTP with connections that are kept: jayson's socket client opens one for each call. */
export async function serve(socketPath: string): Promise<void> {
  const server = new jayson.Server({ echo: async (args: unknown) => args }).http();
  server.keepAliveTimeout = 60_000; // longer than the rounds of the others
  server.listen({ path: socketPath, backlog: 4096 });
  await once(server, "listening");
}

export async function connect(socketPath: string): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const client = jayson.Client.http({ socketPath, agent });
  return {
    async call(args) {
      // the params of JSON-RPC are an object or an array, so that the arguments are the one value of an array
      const { result } = (await client.request("echo", [args])) as { result: [unknown] };
      return result[0];
    },
    async close() {
      agent.destroy();
    },
  };
}
