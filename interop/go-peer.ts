import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const goDirectory = join(import.meta.dirname, "go");

// nothing is fetched, no C compiler is needed, and the state of the repository does not go into the binary
const goEnvironment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" };

const go = "go";
const goVersion = runGo("version");

/** Whether the machine has Go; without it the tests are skipped. */
export const hasGo: boolean = goVersion.status === 0;

/** Runs a command of Go where the sources are. */
export function runGo(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(go, args, { cwd: goDirectory, env: goEnvironment, encoding: "utf8" });
}

/** For the hook that builds: a first build compiles Go's own library too. */
export const buildTimeoutMs = 300_000;

/** How a peer ended, and what it wrote. */
export interface PeerOutput {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let building: Promise<string> | undefined;

/** Builds the Go peer, unless it was built from the same sources before, and gives the path of the program. */
export function buildPeer(): Promise<string> {
  building ??= build();
  return building;
}

async function build(): Promise<string> {
  const cache = join(import.meta.dirname, "node_modules", ".cache");
  const digest = createHash("sha256").update(goVersion.stdout);
  for (const name of (await readdir(goDirectory)).sort()) digest.update(`\n${name}\n`).update(await readFile(join(goDirectory, name)));
  const program = join(cache, `acomm-peer-${digest.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  // the test files run at once: each may build, and the rename lets none of them see half a program
  const unfinished = `${program}.${process.pid}`;
  await mkdir(cache, { recursive: true });
  const { exitCode, stderr } = await output(spawn(go, ["build", "-trimpath", "-o", unfinished, "."], { cwd: goDirectory, env: goEnvironment }));
  if (exitCode !== 0) throw new Error(`the Go peer could not be built:\n${stderr}`);
  await rename(unfinished, program);
  return program;
}

/** Runs a command of the Go peer to its end. */
export async function runPeer(...args: readonly string[]): Promise<PeerOutput> {
  return output(await spawnPeer(args));
}

/** A Go peer that runs at most until the test is over. */
export class GoPeer {
  /** When it has ended. */
  readonly exited: Promise<PeerOutput>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #onLine = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = output(child);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream?.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        this.#lines.push(...lines);
        for (const look of this.#onLine) look();
      });
    }
  }

  /** Starts a command. */
  static async start(...args: readonly string[]): Promise<GoPeer> {
    return new GoPeer(await spawnPeer(args));
  }

  /** Starts a command that listens, such as `service`, and waits until it does. */
  static async listen(...args: readonly string[]): Promise<GoPeer> {
    const peer = await GoPeer.start(...args);
    await peer.line(/^ready$/);
    return peer;
  }

  /** Waits for a line, printed or logged, that matches. */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.#lines.find((line) => pattern.test(line));
        if (found === undefined) return;
        this.#onLine.delete(look);
        resolve(found);
      };
      this.#onLine.add(look);
      look();
      this.exited.then(({ stderr }) => { reject(new Error(`the Go peer has ended without a line like ${String(pattern)}:\n${stderr}`)); }, reject);
    });
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with a signal. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<PeerOutput> {
    this.signal(signal);
    return this.exited;
  }
}

async function spawnPeer(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(await buildPeer(), args, { stdio: ["ignore", "pipe", "pipe"] });
  // by itself a failed test would leave it behind
  onTestFinished(() => { child.kill("SIGKILL"); });
  return child;
}

function output(child: ChildProcess): Promise<PeerOutput> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => { resolve({ exitCode, stdout, stderr }); });
  });
}
