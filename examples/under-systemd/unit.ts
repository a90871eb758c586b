import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const acomm = join(dirname(fileURLToPath(import.meta.resolve("acomm/package.json"))), "bin", "acomm.js");

/** A service of a unit file, run as systemd would: its command, its environment, its signals. The directories are those of the test. */
export class Unit {
  readonly #command: string[];
  readonly #killSignal: NodeJS.Signals;
  readonly #environment: NodeJS.ProcessEnv;
  #child: ReturnType<typeof spawn> | undefined;

  constructor(file: string, { instance = "", socketDir }: { instance?: string; socketDir: string }) {
    const text = readFileSync(join(import.meta.dirname, file), "utf8").replaceAll("%i", instance).replaceAll("/opt/acomm", import.meta.dirname).replaceAll("/run/acomm", socketDir).replace("--http 8080", "--http 0");
    const read = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];
    this.#command = (read("ExecStart") ?? "").replace("/usr/bin/acomm", acomm).split(" ");
    this.#killSignal = (read("KillSignal") ?? "SIGTERM") as NodeJS.Signals;
    const [name = "", value] = (read("Environment") ?? "").split("=");
    this.#environment = { ...process.env, [name]: value };
  }

  /** Until it says that it is ready. */
  async start(): Promise<void> {
    this.#child = spawn(process.execPath, [...process.execArgv, ...this.#command], { env: this.#environment, stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: this.#child.stdout! })) if ((JSON.parse(line) as { ready?: boolean }).ready === true) return;
    throw new Error(`${this.#command.join(" ")} did not start`);
  }

  /** @returns how it exited */
  async stop(signal: NodeJS.Signals = this.#killSignal): Promise<unknown> {
    const exited = once(this.#child!, "exit");
    this.#child!.kill(signal);
    const [code, by] = (await exited) as [number | null, string | null];
    return code ?? by;
  }
}
