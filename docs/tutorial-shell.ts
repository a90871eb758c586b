import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";

/** How long a command may take, in milliseconds; the first install fetches all packages. */
const commandTimeoutMs = 120_000;

/** One shell that runs the commands of a page one after another, as a reader would in a terminal. */
export class TutorialShell implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  #output = "";
  #onOutput: (() => void) | undefined;
  #commands = 0;

  /** @param directory where it begins */
  constructor(directory: string, env: Readonly<NodeJS.ProcessEnv>) {
    // a process group of its own, so that what the page leaves running can be ended
    this.#child = spawn("bash", ["--norc", "--noprofile"], { cwd: directory, env, detached: true });
    this.#ended = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.#output += chunk;
        this.#onOutput?.();
      });
    }
    this.#child.stdin.write("exec 2>&1\n");
  }

  /**
   * Runs a command, and waits for what a server prints that it starts in the background.
   *
   * @param lines how many lines the page shows
   */
  async run(command: string, lines: number): Promise<string> {
    this.#output = "";
    this.#commands += 1;
    const mark = `-- done ${this.#commands} --`;
    this.#child.stdin.write(`${command}\nprintf '%s\\n' '${mark}'\n`);
    const printed = (): string => this.#output.replace(`${mark}\n`, "");
    await this.#until(() => this.#output.includes(`${mark}\n`) && (!command.endsWith("&") || printed().split("\n").length > lines), command);
    return printed();
  }

  async #until(isDone: () => boolean, command: string): Promise<void> {
    const timeout = AbortSignal.timeout(commandTimeoutMs);
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (isDone()) resolve();
      };
      this.#onOutput = look;
      timeout.addEventListener("abort", () => { reject(new Error(`${command} is not done; it has printed:\n${this.#output}`)); });
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      process.kill(-(this.#child.pid ?? 0), "SIGKILL");
    } catch {
      // all of them have ended
    }
    await this.#ended;
  }
}
