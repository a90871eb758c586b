import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** A process of the same runtime. */
export interface Respawned {
  /** The next line that it prints. */
  line(): Promise<string>;
  /** Ends it with `kill -9`. */
  kill(): Promise<void>;
}

const { STRANGER_RUNTIME = "[]" } = process.env;
const runtimeArgs = JSON.parse(STRANGER_RUNTIME) as readonly string[];

/** Starts a program that stands beside this one, under the runtime that runs this one. */
export function start(program: string, ...args: readonly string[]): Respawned {
  const child = spawn(process.execPath, [...runtimeArgs, join(import.meta.dirname, program), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  process.once("exit", () => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => String((await lines.next()).value),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs such a program to its end. */
export async function run(program: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const child = spawn(process.execPath, [...runtimeArgs, join(import.meta.dirname, program), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit") as Promise<[number | null]>;
  const stdout = await text(child.stdout);
  return { code: (await ended)[0], stdout };
}
