import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Builds the Go peer of the interop tests into a directory, and gives the path of the program. Nothing is fetched. */
export async function buildGoPeer(directory: string): Promise<string> {
  const program = join(directory, "go-peer");
  await promisify(execFile)("go", ["build", "-trimpath", "-o", program, "."], {
    cwd: fileURLToPath(new URL("../interop/go/", import.meta.url)),
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" },
  });
  return program;
}
