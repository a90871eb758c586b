import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What makes a command the first process of its own, as in a container; a network of its own has nothing but its loopback. */
export const namespaces: readonly string[] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-current-user"])];

export const hasNamespaces: boolean = spawnSync(namespaces[0] ?? "", [...namespaces.slice(1), "true"]).status === 0;

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");

/** The command that stands as a list behind some words of a file. */
export function commandIn(file: string, before: string): string[] {
  const line = read(file).split("\n").find((text) => text.trimStart().startsWith(before));
  return JSON.parse(/\[.*?\](?=$| *\}|,? interval)/.exec(line ?? "")?.[0] ?? "[]") as string[];
}

/** Runs a command and gives its exit code and what it printed. */
export function run(command: readonly string[], env: NodeJS.ProcessEnv): { readonly code: number | null; readonly printed: string } {
  const { status, stdout } = spawnSync(command[0] ?? "", command.slice(1), { env, encoding: "utf8" });
  return { code: status, printed: stdout };
}

/** Starts a command as process 1; resolves when it is ready. */
export async function start(command: readonly string[], env: NodeJS.ProcessEnv, more: readonly string[] = []) {
  const [program = "", ...args] = [...namespaces, ...more, ...command];
  const child = spawn(program, args, { env, cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = JSON.parse((await lines.next()).value as string) as { readonly http?: string };
  const first = Number(readFileSync(`/proc/${child.pid ?? 0}/task/${child.pid ?? 0}/children`, "utf8"));
  return {
    ...ready,
    /** What `docker stop` does first. */
    async stop(): Promise<number | null> {
      process.kill(first, "SIGTERM");
      return (await exited)[0];
    },
  };
}
