/** The demo: a service, a gateway and a client, each a process of its own. Run it with `npm start`. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ready } from "./lifecycle.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-demo-"));
const children = new Map<string, ChildProcess>();
const problems: string[] = [];
const interrupted = new AbortController();
process.once("SIGINT", () => { interrupted.abort(); });
process.once("SIGTERM", () => { interrupted.abort(); });

try {
  const service = await start("service", new URL("service.ts", import.meta.url));
  const client = await start("client", new URL("client.ts", import.meta.url), service);
  const gateway = await start("gateway", new URL("gateway.ts", import.meta.url), service, client);
  children.get("client")?.send({ gateway });
  await ended("client", interrupted.signal);
} catch (error) {
  problems.push(String(error));
} finally {
  for (const name of ["client", "gateway", "service"]) await stop(name);
  for (const file of await readdir(directory)) problems.push(`${file} is left in ${directory}`);
  await rm(directory, { recursive: true });
}

if (interrupted.signal.aborted) {
  console.error("interrupted");
  process.exitCode = 130;
} else if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
} else {
  console.log("all three processes ended in order, and no socket is left");
}

/** Starts a process and waits until it tells the URL at which it can be reached. */
async function start(name: string, file: URL, ...args: string[]): Promise<string> {
  const child = fork(file, [directory, ...args]);
  children.set(name, child);
  const ready = once(child, "message", { signal: interrupted.signal }) as Promise<[Ready]>;
  const early = ended(name).then(() => Promise.reject(new Error(`${name} ended before it was ready`)));
  const [message] = await Promise.race([ready, early]);
  return message.ready;
}

/** Ends a process by SIGTERM, and by SIGKILL where that is of no use. */
async function stop(name: string): Promise<void> {
  const child = children.get(name);
  if (child === undefined) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended(name);
  clearTimeout(timer);
  if (child.exitCode !== 0) problems.push(`${name} ended with ${child.signalCode ?? `exit code ${child.exitCode ?? ""}`}`);
}

async function ended(name: string, signal?: AbortSignal): Promise<void> {
  const child = children.get(name);
  if (child?.exitCode === null && child.signalCode === null) await once(child, "exit", { signal });
}
