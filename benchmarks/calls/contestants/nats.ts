import { connect as connectTo } from "@nats-io/transport-node";
import type { ConnectionOptions } from "@nats-io/transport-node";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Caller } from "../contestant.ts";

const subject = "echo";
let broker: ChildProcess | undefined;

/** Request and reply through a nats-server, which has no unix sockets: on a free port of the loopback. */
export async function serve(socketPath: string): Promise<void> {
  const servers = await startBroker();
  const connection = await connectTo({ servers });
  const handle = async (args: unknown): Promise<unknown> => args;
  connection.subscribe(subject, {
    callback(error, message) {
      if (error !== null) throw error;
      void handle(message.json()).then((result) => message.respond(JSON.stringify(result)));
    },
  });
  await connection.flush();
  await writeFile(socketPath, servers); // where the client is to look
}

export const brokerPid = (): number | undefined => broker?.pid;

/** Starts a nats-server that ends with this process, and gives its URL. */
export async function startBroker(): Promise<string> {
  broker = spawn("nats-server", ["--addr", "127.0.0.1", "--port", "-1"], { stdio: ["ignore", "ignore", "pipe"] });
  process.once("exit", () => broker?.kill());
  if (broker.stderr === null) throw new Error("no log of nats-server");
  for await (const line of createInterface({ input: broker.stderr })) {
    const found = /Listening for client connections on (\S+)/.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error("nats-server does not listen");
}

export async function connect(socketPath: string, options: Pick<ConnectionOptions, "noAsyncTraces"> = {}): Promise<Caller> {
  const connection = await connectTo({ servers: await readFile(socketPath, "utf8"), ...options });
  return {
    call: async (args) => (await connection.request(subject, JSON.stringify(args), { timeout: 30_000 })).json(),
    close: () => connection.close(),
  };
}
