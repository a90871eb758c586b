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
  #kill: (signal: NodeJS.Signals) => unknown = () => undefined;
  #exited: Promise<unknown[]> = Promise.resolve([]);

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
    const child = spawn(process.execPath, [...process.execArgv, ...this.#command], { env: this.#environment, stdio: ["ignore", "pipe", "inherit"] });
    this.#kill = (signal) => child.kill(signal);
    this.#exited = once(child, "exit");
    for await (const line of createInterface({ input: child.stdout })) if ((JSON.parse(line) as { ready?: boolean }).ready === true) return;
    throw new Error(`${this.#command.join(" ")} did not start`);
  }

  /** @returns its exit code, or the signal that ended it */
  async stop(signal: NodeJS.Signals = this.#killSignal): Promise<unknown> {
    this.#kill(signal);
    const [code, by] = await this.#exited;
    return code ?? by;
  }
}
