import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtime.ts";

/** The examples of the README at the root: a module with a provider, and programs. */
export interface ReadmeExamples {
  readonly provider: string;
  /** The words of `acomm call …` that stand below it. */
  readonly call: readonly string[];
  readonly programs: readonly string[];
}

/** @throws {Error} where the README has no such examples */
export async function readExamples(): Promise<ReadmeExamples> {
  const page = await readFile(join(import.meta.dirname, "..", "README.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  const provider = blocks.find((code) => code.includes("export default"));
  const call = /^acomm (call [^\n#]*)/m.exec(page)?.[1]?.trim().split(" ");
  const programs = blocks.filter((code) => code !== provider);
  if (provider === undefined || call === undefined || programs.length === 0) throw new Error("README.md has no module with a provider, no `acomm call`, or no program");
  return { provider, call, programs };
}

/**
 * Runs the examples in a project that has installed `acomm`: the programs, and the commands with the provider, each under the runtime.
 *
 * @param sockets a directory that is the runtime's own
 * @returns what went wrong
 */
export async function runExamples(project: Project, runtime: Runtime, examples: ReadmeExamples, sockets: string): Promise<readonly string[]> {
  await mkdir(sockets, { mode: 0o700 });
  const problems: string[] = [];
  for (const [index, program] of examples.programs.entries()) {
    // as it stands there, but at a place where everybody may make a socket
    const file = `readme-${index}-${runtime.name.replace(" ", "-")}.ts`;
    await project.write(file, program.replaceAll("/run/acomm", sockets));
    const { code, output } = await project.run(runtime, file);
    if (code !== 0) problems.push(`program ${index + 1} of README.md ended with ${code}:\n${output}`);
  }
  const command = join("node_modules", "acomm", "bin", "acomm.js");
  const servers = [["provider", "disks.ts"], ["coordinator", "--http", "0"]].map((args) => spawn(runtime.file, [...runtime.args, command, ...args, "--socket-dir", sockets], { cwd: project.directory, env: { ...process.env, ...runtime.env }, stdio: ["ignore", "pipe", "pipe"] }));
  const ended = servers.map((server) => once(server, "exit"));
  try {
    for (const server of servers) {
      const said: string[] = [];
      createInterface({ input: server.stderr }).on("line", (line) => { said.push(line); });
      await Promise.race([once(createInterface({ input: server.stdout }), "line"), once(server, "exit").then(() => { throw new Error(said.join("\n")); })]);
    }
    const { code, stdout, output } = await project.run(runtime, command, [...examples.call, "--socket-dir", sockets]);
    if (code !== 0 || !stdout.includes("sda")) problems.push(`acomm ${examples.call.join(" ")} ended with ${code}:\n${output}`);
    const listing = await project.run(runtime, command, ["ls", "--socket-dir", sockets]);
    if (listing.code !== 0 || !listing.stdout.includes("disk-info")) problems.push(`acomm ls ended with ${listing.code}:\n${listing.output}`);
  } catch (error) {
    problems.push(`the commands of README.md: ${String(error)}`);
  } finally {
    for (const server of servers) server.kill("SIGTERM");
    const killer = setTimeout(() => { for (const server of servers) server.kill("SIGKILL"); }, 10_000);
    const codes = (await Promise.all(ended)) as [number | null][];
    clearTimeout(killer);
    if (codes.some(([code]) => code !== 0)) problems.push(`the servers of README.md ended with ${codes.join(" and ")} after SIGTERM`);
  }
  return problems;
}
