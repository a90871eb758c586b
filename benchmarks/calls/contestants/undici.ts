import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import type { Caller } from "../contestant.ts";

/** HTTP between Node's server and a pool of undici's, as it is by default: a connection for each call that is under way. */
export async function serve(socketPath: string): Promise<void> {
  const handle = async (args: unknown): Promise<unknown> => args;
  const server = createServer((request, response) => {
    readJson(request, (args) => void handle(args).then((result) => { writeJson(response, result); }));
  });
  server.keepAliveTimeout = 60_000; // longer than the rounds of the others
  server.listen({ path: socketPath, backlog: 4096 });
  await once(server, "listening");
}

function readJson(request: IncomingMessage, take: (value: unknown) => void): void {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => (text += chunk));
  request.on("end", () => { take(JSON.parse(text)); });
}

function writeJson(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

export async function connect(socketPath: string, options: { readonly pool?: Pool.Options; readonly request?: Partial<Dispatcher.RequestOptions> } = {}): Promise<Caller> {
  const pool = new Pool("http://localhost", { socketPath, ...options.pool });
  return {
    async call(args) {
      const { body } = await pool.request({ path: "/", method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(args), ...options.request });
      return body.json();
    },
    close: () => pool.close(),
  };
}
