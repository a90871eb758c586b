import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Usage } from "./usage.ts";

const deadlineMs = 300_000; // several times what the longest measurement takes

/**
 * A process of its own that prints `ready` when it is, and then answers each question: a line of JSON each way over standard
 * input and output, which every language has. `answer.ts` is the other side of it.
 */
export class MeasuredProcess implements AsyncDisposable {
  readonly #command: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #closed: Promise<string>;
  readonly #ready: Promise<string>;

  constructor(program: string, args: readonly string[]) {
    this.#command = [program, ...args].join(" ");
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin.on("error", () => undefined); // that it has ended shows when its answer is read
    this.#closed = once(this.#child, "close").then(([code, signal]) => `ended with ${String(code ?? signal)}`, String);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ready = this.#line();
    this.#ready.catch(() => undefined); // whoever asks is told
  }

  /** Waits until it says that it is ready; a question waits for that by itself. */
  async ready(): Promise<this> {
    await this.#ready;
    return this;
  }

  /**
   * Asks one question after the other.
   *
   * @throws what the answer to it threw, or that the process has ended, or that it took minutes
   */
  async ask<Answer>(question: string, details: object = {}): Promise<Answer> {
    await this.#ready;
    this.#child.stdin.write(`${JSON.stringify({ ask: question, ...details })}\n`);
    const answer = JSON.parse(await this.#line()) as Answer & { readonly failed?: string };
    if (answer.failed !== undefined) throw new Error(`${this.#command}: ${question}: ${answer.failed}`);
    return answer;
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>("usage");
  }

  /** Lets it end by itself, with what it has started. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#withDeadline(this.#closed);
  }

  async #line(): Promise<string> {
    const { value } = await this.#withDeadline(this.#lines.next());
    if (value === undefined) throw new Error(`${this.#command}: ${await this.#closed} before it answered`);
    return value;
  }

  async #withDeadline<Value>(waited: Promise<Value>): Promise<Value> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), deadlineMs);
    try {
      return await waited;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Starts a script in Node, with the packages' own TypeScript. */
export function startNode(script: URL, args: readonly string[] = [], nodeArgs: readonly string[] = []): MeasuredProcess {
  return new MeasuredProcess(process.execPath, ["--conditions=@acomm/source", ...nodeArgs, fileURLToPath(script), ...args]);
}
