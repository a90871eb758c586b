import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The command `acomm`: as it is installed, or, where the packages' sources run, from its sources. */
const runsSources = process.execArgv.some((argument) => argument.includes("@acomm/source"));
const command = fileURLToPath(new URL(runsSources ? "src/main.ts" : "bin/acomm.js", import.meta.resolve("@acomm/cli/package.json")));

/** What a server prints when it is ready. */
export interface Ready {
  readonly http?: string | null;
}

/** What a run of the command has printed, and how it ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The processes of the demo: servers that run until they are stopped, and runs of the command line. */
export class Programs {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #servers = new Map<string, ChildProcess>();

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = { ...process.env, NO_COLOR: "1", ...environment };
  }

  /** Runs `acomm …` as a server and waits for the line that says that it is ready. */
  async start(name: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ready> {
    const child = spawn(process.execPath, [...process.execArgv, command, ...args], { env: { ...this.#environment, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
    this.#servers.set(name, child);
    for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Ready;
    throw new Error(`${name} ended before it was ready`);
  }

  /** Runs `acomm …` to its end. */
  async run(...args: readonly string[]): Promise<Ran> {
    const child = spawn(process.execPath, [...process.execArgv, command, ...args], { env: this.#environment, stdio: ["ignore", "pipe", "pipe"] });
    const closed = once(child, "close") as Promise<[number | null]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, stdout, stderr };
  }

  /** Ends a server without a word. */
  async kill(name: string): Promise<void> {
    const child = this.#servers.get(name);
    this.#servers.delete(name);
    child?.kill("SIGKILL");
    await ended(child);
  }

  /** Ends every server in order, the last that was started first; gives what went wrong. */
  async stop(): Promise<string[]> {
    const problems: string[] = [];
    for (const [name, child] of [...this.#servers].reverse()) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended(child);
      clearTimeout(timer);
      if (child.exitCode !== 0) problems.push(`${name} ended with ${child.signalCode ?? `exit code ${child.exitCode ?? ""}`}`);
    }
    return problems;
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode === null && child.signalCode === null) await once(child, "exit");
}
