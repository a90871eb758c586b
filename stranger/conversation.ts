import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtime.ts";

/** Somebody who serves and calls. */
export interface Speaker {
  /** A name without spaces. */
  readonly name: string;
  readonly runtime: Runtime;
  readonly project: Project;
}

/** Lets each call each, over one directory of sockets. @returns what went wrong, by the name of the caller */
export async function converse(directory: string, speakers: readonly Speaker[]): Promise<ReadonlyMap<string, string>> {
  await mkdir(directory, { mode: 0o700 });
  const servers = speakers.map(({ name, runtime, project }) => spawn(runtime.file, [...runtime.args, join("talk", "serve.ts"), directory, name], { cwd: project.directory, env: { ...process.env, ...runtime.env }, stdio: ["pipe", "pipe", "inherit"] }));
  const ended = servers.map((server) => once(server, "exit"));
  try {
    for (const server of servers) await Promise.race([once(createInterface({ input: server.stdout }), "line"), once(server, "exit").then(() => { throw new Error("a server of the conversation ended"); })]);
    const names = speakers.map(({ name }) => name);
    const problems = new Map<string, string>();
    for (const { name, runtime, project } of speakers) {
      const { stdout, output } = await project.run(runtime, join("talk", "call.ts"), [directory, name, ...names]);
      const expected = names.map((other) => `${other} heard ${name}, and a stream of ${other}\n`).join("");
      if (stdout !== expected) problems.set(name, output);
    }
    return problems;
  } finally {
    for (const server of servers) server.stdin.end();
    const killer = setTimeout(() => { for (const server of servers) server.kill("SIGKILL"); }, 5_000);
    await Promise.all(ended);
    clearTimeout(killer);
  }
}
