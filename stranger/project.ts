import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Runtime } from "./runtime.ts";

/** What became of a program. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Both, in the order of their coming as far as that can be said. */
  readonly output: string;
}

/** A directory of a stranger, outside of the workspace. */
export class Project {
  readonly directory: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(directory: string, env: NodeJS.ProcessEnv) {
    this.directory = directory;
    this.#env = env;
  }

  /** @param env where npm's registry stands */
  static async create(directory: string, env: Readonly<NodeJS.ProcessEnv>): Promise<Project> {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
    return new Project(directory, { ...env });
  }

  /** Installs packages with npm. @throws {Error} with what npm says */
  async install(...packages: readonly string[]): Promise<void> {
    const ended = await this.#spawn("npm", ["install", "--no-audit", "--no-fund", ...packages], {});
    if (ended.code !== 0) throw new Error(`npm install ${packages.join(" ")} in ${this.directory} failed:\n${ended.output}`);
  }

  async write(file: string, content: string): Promise<void> {
    await writeFile(join(this.directory, file), content);
  }

  read(file: string): Promise<string> {
    return readFile(join(this.directory, file), "utf8");
  }

  /** What npm has installed of a package. */
  async manifestOf(name: string): Promise<Manifest> {
    return JSON.parse(await this.read(join("node_modules", name, "package.json"))) as Manifest;
  }

  /** Runs a file of the project. */
  run(runtime: Runtime, file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.#spawn(runtime.file, [...runtime.args, file, ...args], { ...runtime.env, ...env });
  }

  /** Runs a command that npm has installed here, as `npx` does. */
  command(...args: readonly string[]): Promise<Ended> {
    return this.#spawn("npx", ["--no-install", ...args], {});
  }

  async #spawn(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
    const child = spawn(file, args, { cwd: this.directory, env: { ...this.#env, ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000, killSignal: "SIGKILL" });
    const code = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, output: stdout + stderr };
  }
}

/** What is of interest in a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
}
