import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "..");
/** Where the page says that the sockets are, and at which port the coordinator listens. */
const shownDirectory = "/run/user/1000/acomm";
const shownPort = "8080";

/** A command of the page and what is printed below it there. */
export interface Example {
  readonly command: string;
  output: string;
}

/** The examples of a page, in their order: the lines after `$ ` in its `console` blocks; one that ends with a backslash goes on. */
export function examplesOf(page: string): Example[] {
  return [...page.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
    block.split(/^\$ /m).slice(1).map((text) => {
      const [, command = "", output = ""] = /^((?:[^\n]*\\\n)*[^\n]*)\n?(.*)$/s.exec(text.trimEnd()) ?? [];
      return { command, output: output.trimEnd() };
    }),
  );
}

/** A shell with the command `acomm`, a socket directory of its own and the modules of the page. */
export class ExampleShell implements AsyncDisposable {
  readonly #directory: string;
  readonly #socketDir: string;
  readonly #port: string;
  readonly #servers: ChildProcess[] = [];

  private constructor(directory: string, socketDir: string, port: number) {
    this.#directory = directory;
    this.#socketDir = socketDir;
    this.#port = String(port);
  }

  /** @param modules the files that the examples name, by their names */
  static async open(modules: Readonly<Record<string, string>>): Promise<ExampleShell> {
    await mkdir(join(root, "examples", ".cache"), { recursive: true });
    const directory = await mkdtemp(join(root, "examples", ".cache", "cli-")); // the packages are found from here
    for (const [command, file] of [["acomm", `'${join(root, "packages", "cli", "src", "main.ts")}'`], ["node", ""]] as const) {
      await writeFile(join(directory, command), `#!/bin/sh\nexec '${process.execPath}' --conditions=@acomm/source --disable-warning=ExperimentalWarning ${file} "$@"\n`);
      await chmod(join(directory, command), 0o755);
    }
    for (const [name, code] of Object.entries(modules)) await writeFile(join(directory, name), code);
    return new ExampleShell(directory, await mkdtemp(join(tmpdir(), "acomm-cli-")), await freePort());
  }

  /** Runs a command and gives all that it prints; of one that ends with `&` the first line, and it goes on. */
  async run(command: string): Promise<string> {
    const isServer = command.endsWith(" &");
    const { HOME, PATH } = process.env;
    const env = { HOME, PATH: `${this.#directory}${delimiter}${PATH ?? ""}`, XDG_CONFIG_HOME: this.#directory, ACOMM_SOCKET_DIR: this.#socketDir, ACOMM_OUTPUT: "table", NODE_COMPILE_CACHE: join(root, ".cache", "compile") };
    const text = (isServer ? `exec ${command.slice(0, -2)}` : command).replaceAll(new RegExp(`\\b${shownPort}\\b`, "g"), this.#port).replaceAll(shownDirectory, this.#socketDir);
    const child = spawn("bash", ["-c", text], { cwd: this.#directory, env, stdio: ["ignore", "pipe", isServer ? "ignore" : "pipe"] });
    if (isServer) {
      this.#servers.push(child);
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
      return this.#shown(String((await lines.next()).value));
    }
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (chunk: string) => { printed += chunk; });
    await once(child, "close");
    return this.#shown(printed.trimEnd());
  }

  #shown(text: string): string {
    return text.replaceAll(this.#socketDir, shownDirectory).replaceAll(this.#directory, "~").replaceAll(`127.0.0.1:${this.#port}`, `127.0.0.1:${shownPort}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      if (server.exitCode === null) server.kill("SIGKILL");
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    }
    await rm(this.#directory, { recursive: true });
    await rm(this.#socketDir, { recursive: true });
  }
}

/** A port that nobody listens at just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** What is printed, but for what no two runs have in common: processes, ports, times, rates, and the width that they take. */
export function withoutChance(text: string): string {
  return text
    .replace(/\bpid"?[ :]\d+/g, "PID")
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replace(/"uptimeMs":\d+/g, "UPTIME")
    .replace(/"startedAt":"[^"]*"/g, "STARTED")
    .replace(/\d+(?:\.\d+)?\/s/g, "RATE")
    .replace(/\d+(?:\.\d+)?(?:e-\d+)?(?:ms|s|m)\b/g, "TIME")
    .replace(/"(?:elapsedMs|perSecond|mean|p50|p90|p99|max)":[\d.e-]+/g, "FIGURE")
    .replace(/\bwithin \d+ ms\b/g, "within TIME")
    .replace(/  +/g, " ")
    .replace(/ +$/gm, "");
}
