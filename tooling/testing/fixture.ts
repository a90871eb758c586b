import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A process that runs a file on the packages' sources. */
export interface Fixture extends AsyncDisposable {
  readonly child: ChildProcess;
  /** The next message that it sends. */
  message(): Promise<unknown>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the process has been stopped with SIGSTOP, by itself or by somebody else. */
  stopped(): Promise<void>;
  /** All that it prints until it ends by itself. */
  output(): Promise<{ readonly code: number | null; readonly text: string }>;
}

/** Runs the files that stand beside `base`, each in a process of its own. */
export function fixtureRunner(base: string): (name: string, ...args: string[]) => Fixture {
  return (name, ...args) => runFixture(fileURLToPath(new URL(`${name}.ts`, base)), args);
}

function runFixture(file: string, args: readonly string[]): Fixture {
  const child = fork(file, args, { execArgv: ["--conditions=@acomm/source"], stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const closed = once(child, "close");
  const queue: unknown[] = [];
  const takers: ((message: unknown) => void)[] = [];
  child.on("message", (message) => {
    const taker = takers.shift();
    if (taker === undefined) queue.push(message);
    else taker(message);
  });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return {
    child,
    message: () => (queue.length > 0 ? Promise.resolve(queue.shift()) : new Promise((resolve) => takers.push(resolve))),
    kill,
    async stopped() {
      // the state follows the name, which stands in parentheses
      while (!readFileSync(`/proc/${child.pid ?? 0}/stat`, "utf8").includes(') T ')) await new Promise((resolve) => setImmediate(resolve));
    },
    async output() {
      const [code] = (await closed) as [number | null];
      return { code, text };
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await kill("SIGKILL");
    },
  };
}
