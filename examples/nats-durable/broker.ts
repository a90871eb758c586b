import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A NATS server for one example, with JetStream, on a free port of the loopback. */
export interface Broker {
  readonly server: string;
  stop(): Promise<void>;
}

/** @param example says that it is left out where there is no nats-server, and ends the process */
export async function startBroker(example: string): Promise<Broker> {
  if (spawnSync("nats-server", ["--version"]).error !== undefined) {
    console.log(`${example}: left out, there is no nats-server`);
    process.exit();
  }
  const directory = await mkdtemp(join(tmpdir(), "acomm-nats-"));
  const child = spawn("nats-server", ["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", directory], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  process.once("exit", () => child.kill());
  let server = "";
  for await (const line of createInterface({ input: child.stderr })) {
    const address = /Listening for client connections on (\S+)/.exec(line)?.[1];
    if (address !== undefined) server = `nats://${address}`;
    if (line.includes("Server is ready")) break;
  }
  child.stderr.resume();
  return {
    server,
    async stop() {
      child.kill();
      await exited;
      await rm(directory, { recursive: true });
    },
  };
}
