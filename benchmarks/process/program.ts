import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

// nothing is fetched, no C compiler is needed, and the state of the repository does not go into the binary
const goEnvironment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" };

/** Whether this machine has a program that npm does not bring. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"]).error === undefined;
}

/** What a table says of what it lacks for want of a program. */
export function leftOut(what: string, program: string): string {
  return `${what} is left out: there is no ${program} on this machine.`;
}

/** Builds a Go program into a directory, and gives its path; undefined where the machine has no Go. */
export async function buildGo(sources: URL, directory: string): Promise<string | undefined> {
  if (!hasProgram("go")) return undefined;
  const program = join(directory, "go-program");
  await promisify(execFile)("go", ["build", "-trimpath", "-o", program, "."], { cwd: fileURLToPath(sources), env: goEnvironment });
  return program;
}

/** The Go peer of the interop tests. */
export const goPeerSources = new URL("../../interop/go/", import.meta.url);
