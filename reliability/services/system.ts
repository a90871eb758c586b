import { AcommError } from "@acomm/protocol";
import type { CoordinatorDescription } from "@acomm/coordinator";
import type { ProviderDescription } from "@acomm/provider";
import { coordinatorSocketPath, providerSocketPath, Tracker } from "@acomm/tracker";
import { temporaryDirectory } from "@acomm/testing";
import type { Fixture, TemporaryDirectory } from "@acomm/testing";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { runProcess } from "../run-process.ts";

/** What became of some calls. */
export interface Outcomes {
  /** How many there were of each: `answered`, or the error's code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Keys that more than one handler began with. */
  readonly ranTwice: readonly string[];
  /** How long after its deadline the latest outcome came, in milliseconds; negative where it came before. */
  readonly latestMs: number;
}

/** A coordinator and its providers, each a process of its own, and a caller in this one. */
export class System implements AsyncDisposable {
  readonly tracker = new Tracker({ maxPending: 20_000 });
  readonly #directory: TemporaryDirectory;
  readonly #processes = new Map<string, Fixture>();

  private constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
  }

  static async start(...names: readonly string[]): Promise<System> {
    const system = new System(await temporaryDirectory());
    await writeFile(system.#notesPath, "");
    await system.tracker.start();
    for (const name of names) await system.start(name);
    return system;
  }

  /** Where the coordinator is. */
  get url(): string {
    return `unix://${coordinatorSocketPath(this.#socketDir)}`;
  }

  /** Starts the coordinator, or a provider of another name. */
  async start(name: string): Promise<void> {
    const fixture = name === "coordinator" ? runProcess("coordinator", this.#socketDir) : runProcess("provider", this.#socketDir, name, this.#notesPath);
    this.#processes.set(name, fixture);
    await fixture.message();
  }

  /** Ends a process and waits until it has ended. */
  async kill(name: string, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const fixture = this.#processes.get(name);
    this.#processes.delete(name);
    await fixture?.kill(signal);
  }

  /** Sends a signal and doesn't wait. */
  strike(name: string, signal: "SIGKILL"): void {
    this.#processes.get(name)?.child.kill(signal);
  }

  /** What the handlers have written down, a line each. */
  async notes(): Promise<string[]> {
    return (await readFile(this.#notesPath, "utf8")).split("\n").filter((line) => line !== "");
  }

  /** What a provider says of itself, on the socket of one of its tasks. */
  async describeProvider(task: string, provider: string): Promise<ProviderDescription> {
    return this.tracker.request<ProviderDescription>(`unix://${providerSocketPath(this.#socketDir, { task, priority: 50, provider })}`, { task: "acomm.describe" });
  }

  async describeCoordinator(): Promise<CoordinatorDescription> {
    return this.tracker.request<CoordinatorDescription>(this.url, { task: "acomm.describe" });
  }

  /** Calls in flight when one of two providers is killed with `kill -9`, and when the other one answers the next call. */
  async killOneOfTwo(calls: number): Promise<Outcomes & { readonly takenOverMs: number }> {
    const before = (await this.notes()).length;
    const pending = this.#calls(Array.from({ length: calls }, (_, index) => `kill-${before}-${index}`), { ms: 600, timeoutMs: 5000 });
    while ((await this.notes()).length < before + calls) await setTimeout(5); // until all of them run
    this.strike("left", "SIGKILL");
    const killedAt = performance.now();
    await this.tracker.request(this.url, { task: "work", args: { key: `next-${before}`, ms: 0 }, timeoutMs: 5000 });
    const takenOverMs = performance.now() - killedAt;
    await this.kill("left", "SIGKILL");
    return { ...(await pending), takenOverMs };
  }

  /** Calls at a steady rate while provider and coordinator are restarted in turn. */
  async restartUnderLoad({ rate, restarts }: { readonly rate: number; readonly restarts: number }): Promise<Outcomes & { readonly calls: number }> {
    const over = new AbortController();
    const before = (await this.notes()).length;
    const outcomes: Promise<Outcomes>[] = [];
    const load = (async () => {
      const startedAt = performance.now();
      for (let count = 0; !over.signal.aborted; ) {
        const due = Math.floor(((performance.now() - startedAt) / 1000) * rate);
        const keys = Array.from({ length: Math.max(due - count, 0) }, (_, index) => `load-${before}-${count + index}`);
        count += keys.length;
        if (keys.length > 0) outcomes.push(this.#calls(keys, { ms: 5, timeoutMs: 10_000, retryForMs: 10_000 }));
        await setTimeout(2);
      }
      return await Promise.all(outcomes);
    })();
    for (let count = 0; count < restarts; count += 1) {
      for (const name of ["left", "coordinator"]) {
        await setTimeout(300); // the load goes on for a while with all in place
        await this.kill(name, "SIGTERM");
        await this.start(name);
      }
    }
    over.abort();
    const all = await load;
    const codes: Record<string, number> = {};
    for (const outcome of all) for (const [code, count] of Object.entries(outcome.codes)) codes[code] = (codes[code] ?? 0) + count;
    return { codes, ranTwice: repeated(await this.notes()), latestMs: Math.max(...all.map(({ latestMs }) => latestMs)), calls: Object.values(codes).reduce((sum, count) => sum + count, 0) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tracker.stop({ graceMs: 0 });
    for (const fixture of this.#processes.values()) await fixture[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }

  async #calls(keys: readonly string[], { ms, ...limits }: { readonly ms: number; readonly timeoutMs: number; readonly retryForMs?: number }): Promise<Outcomes> {
    const deadline = performance.now() + limits.timeoutMs;
    const codes: Record<string, number> = {};
    let latestMs = -Infinity;
    await Promise.all(
      keys.map(async (key) => {
        const code = await this.tracker.request(this.url, { task: "work", args: { key, ms }, ...limits }).then(() => "answered", (error: unknown) => (error instanceof AcommError ? error.code : String(error)));
        codes[code] = (codes[code] ?? 0) + 1;
        latestMs = Math.max(latestMs, performance.now() - deadline);
      }),
    );
    return { codes, ranTwice: repeated(await this.notes()), latestMs };
  }

  get #socketDir(): string {
    return `${this.#directory.path}/s`;
  }

  get #notesPath(): string {
    return `${this.#directory.path}/notes`;
  }
}

function repeated(lines: readonly string[]): string[] {
  const seen = new Set<string>();
  return lines.filter((line) => seen.size === seen.add(line).size);
}
