import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { holdingsOf } from "../probe.ts";
import type { Holdings, LoopReading } from "../probe.ts";
import type { Remains } from "./answer.ts";
import { mebibyte } from "./finding.ts";

/** Without what Node has compiled before, the compiler for TypeScript would be in every process, 40 MiB of it. */
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/acomm-reliability/", import.meta.url));

interface Waiter {
  readonly resolve: (found: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process of `reliability/processes` that is asked questions; `answer.ts` is its other side. */
export class Worker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #waiters = new Map<number, Waiter>();
  #asked = 0;
  #stderr = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, "close");
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#stderr += chunk;
    });
    child.on("message", ({ id, found, failed }: { readonly id: number; readonly found?: unknown; readonly failed?: string }) => {
      const waiter = this.#waiters.get(id);
      this.#waiters.delete(id);
      if (failed === undefined) waiter?.resolve(found);
      else waiter?.reject(new Error(failed));
    });
    void this.#closed.then(() => {
      for (const { reject } of this.#waiters.values()) reject(new Error(`the process ended with ${String(child.exitCode ?? child.signalCode)} before it answered: ${this.#stderr}`));
      this.#waiters.clear();
    });
  }

  /**
   * Starts the file of that name in `reliability/processes` and waits until it can be asked.
   *
   * @param options.maxDescriptors how many the process may open, by `ulimit -n`
   */
  static async start(name: string, options: { readonly maxDescriptors?: number } = {}): Promise<Worker> {
    const file = fileURLToPath(new URL(`../processes/${name}.ts`, import.meta.url));
    const command = [process.execPath, "--conditions=@acomm/source", "--expose-gc", file];
    const { maxDescriptors } = options;
    const [program = "", ...args] = maxDescriptors === undefined ? command : ["sh", "-c", `ulimit -n ${maxDescriptors}; exec "$0" "$@"`, ...command];
    const worker = new Worker(spawn(program, args, { stdio: ["ignore", "inherit", "pipe", "ipc"], env: { ...process.env, NODE_COMPILE_CACHE: compileCache } }));
    await worker.#answerTo(0);
    return worker;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How many lines it has written to stderr. */
  get stderrLines(): number {
    return this.#stderr.split("\n").length - 1;
  }

  /** Asks a question; several may be under way. @throws what the answer to it threw, or that the process has ended */
  async ask<Answer = undefined>(question: string, details: object = {}): Promise<Answer> {
    this.#asked += 1;
    const id = this.#asked;
    const answered = this.#answerTo(id);
    this.#child.send({ id, ask: question, details });
    return (await answered) as Answer;
  }

  holdings(): Promise<Holdings> {
    return holdingsOf(this.pid);
  }

  /** How the loop ran since this was last asked. */
  loop(): Promise<LoopReading> {
    return this.ask("loop");
  }

  remains(): Promise<Remains> {
    return this.ask("remains");
  }

  /** The resident set once what is unreachable was collected. */
  async keptMiB(): Promise<number> {
    await this.ask("collect");
    return (await this.holdings()).rssBytes / mebibyte;
  }

  /** The largest resident set since the start, or since {@link forgetPeak}. */
  async peakMiB(): Promise<number> {
    return Number(/^VmHWM:\s+(\d+)/m.exec(await readFile(`/proc/${this.pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;
  }

  async forgetPeak(): Promise<void> {
    await writeFile(`/proc/${this.pid}/clear_refs`, "5");
  }

  /** How long it takes until the process has that many descriptors open and no more; infinite where that takes too long. */
  descriptorsBackMs(descriptors: number, limitMs = 10_000): Promise<number> {
    return msUntil(async () => (await this.holdings()).descriptors <= descriptors, limitMs);
  }

  /** The part of one core that it uses while `meanwhile` runs, in per cent. */
  async cpuPercentDuring(meanwhile: Promise<unknown>): Promise<number> {
    const startedAt = performance.now();
    const { cpuSeconds } = await this.holdings();
    await meanwhile;
    return (((await this.holdings()).cpuSeconds - cpuSeconds) * 100_000) / (performance.now() - startedAt);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiters.set(id, { resolve, reject }));
  }
}

/** How long it takes until that holds, in milliseconds; infinite where it takes longer than the limit. The kernel's figures have no event to wait for. */
export async function msUntil(holds: () => Promise<boolean>, limitMs: number): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > limitMs) return Infinity;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - startedAt;
}
