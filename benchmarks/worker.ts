import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What a process has used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The largest resident set. */
  readonly peakMiB: number;
}

/** A process of its own that answers questions, a line of JSON each way, so that it may be written in anything. */
export class Worker implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  /** @internal use {@link startNode} or {@link startProgram} */
  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const end = (why: string): void => {
      this.#ended = new Error(`${command} ${args.join(" ")}: ${why}`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    };
    this.#child.once("error", (error) => { end(error.message); });
    this.#child.once("exit", (code, signal) => { end(`ended with ${code ?? String(signal)}`); });
    this.#child.stdin?.on("error", () => undefined); // its exit says why
    if (this.#child.stdout !== null) createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(line));
  }

  /** Asks and waits for the answer; of several questions the answers must come in order. */
  async ask<Answer>(question: string, details: object = {}): Promise<Answer> {
    const line = this.nextLine();
    this.#child.stdin?.write(`${JSON.stringify({ ask: question, ...details })}\n`);
    const answer = JSON.parse(await line) as Answer & { readonly failed?: string };
    if (answer.failed !== undefined) throw new Error(`${question}: ${answer.failed}`);
    return answer;
  }

  /** The next line that it prints. */
  nextLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#ended === undefined) this.#waiting.push({ resolve, reject });
      else reject(this.#ended);
    });
  }

  async usage(): Promise<Usage> {
    const usage = await this.ask<Usage>("usage");
    // what the process itself is told begins with the resident set of the one that started it
    const status = await readFile(`/proc/${this.#child.pid ?? 0}/status`, "utf8").catch(() => "");
    const peakKiB = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return peakKiB === undefined ? usage : { ...usage, peakMiB: Number(peakKiB) / 1024 };
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** Starts a script of this package in Node. */
export function startNode(script: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): Worker {
  return new Worker(process.execPath, [...process.execArgv, ...nodeArgs, fileURLToPath(new URL(script, import.meta.url)), ...args]);
}

/** Starts a program. */
export function startProgram(path: string, args: readonly string[]): Worker {
  return new Worker(path, args);
}
