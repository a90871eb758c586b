import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const answerTimeoutMs = 60_000;

/** A process that is asked, and answers, by lines of JSON: standard input and output, which every language has. */
export class MeasuredProcess {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #ended: Promise<unknown>;

  private constructor(name: string, program: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin.on("error", () => undefined); // that it has ended shows when its answer is read
    this.#ended = once(this.#child, "close").catch(() => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts a program, and waits for its first line, which says that it is ready. */
  static async start(name: string, program: string, args: readonly string[]): Promise<MeasuredProcess> {
    const started = new MeasuredProcess(name, program, args);
    await started.#line();
    return started;
  }

  /** @throws when it ends, or takes longer than a minute */
  async ask<Answer>(question: unknown): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await this.#line()) as Answer;
  }

  /** Lets it end by itself, with what it has started. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#withDeadline(this.#ended);
  }

  async #line(): Promise<string> {
    const { value } = await this.#withDeadline(this.#lines.next());
    if (value === undefined) throw new Error(`${this.#name} has ended before it answered`);
    return value;
  }

  async #withDeadline<Value>(waited: Promise<Value>): Promise<Value> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), answerTimeoutMs);
    try {
      return await waited;
    } finally {
      clearTimeout(timer);
    }
  }
}
