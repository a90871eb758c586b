import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// nothing is fetched, no C compiler is needed, and the state of the repository does not go into the binary
const environment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" };

/**
 * Builds the Go program of a directory beside this file into a directory, and gives its path; undefined where the machine
 * has no Go, which is said.
 */
export async function buildGo(sources: string, directory: string): Promise<string | undefined> {
  const program = join(directory, "go-program");
  const go = spawn("go", ["build", "-trimpath", "-o", program, "."], {
    cwd: fileURLToPath(new URL(sources, import.meta.url)),
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
  });
  try {
    const [code] = (await once(go, "exit")) as [number | null];
    if (code !== 0) throw new Error(`${sources} could not be built`);
    return program;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.log(`no Go here: ${sources} is left out`);
    return undefined;
  }
}
