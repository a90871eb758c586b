import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

export const hasNats: boolean = spawnSync("nats-server", ["--version"]).error === undefined;

/** A nats-server of one's own on a free port of the loopback; resolves with its URL when it is ready. */
export async function startBroker() {
  const broker = spawn("nats-server", ["--addr", "127.0.0.1", "--port", "-1"], { stdio: ["ignore", "ignore", "pipe"] });
  process.once("exit", () => broker.kill());
  let address = "";
  for await (const line of createInterface({ input: broker.stderr })) {
    address = /Listening for client connections on (\S+)/.exec(line)?.[1] ?? address;
    if (line.includes("Server is ready")) break;
  }
  return { server: `nats://${address}`, stop: () => broker.kill() };
}
