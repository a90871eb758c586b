import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { platform, arch } from "node:process";

/** A runtime that a stranger may have. */
export interface Runtime {
  readonly name: string;
  /** The program itself: all of these packages have a command of the same name, so none is in PATH. */
  readonly file: string;
  /** What stands before the program's own file. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
const os = platform === "darwin" ? "darwin" : "linux";
// 22 warns that types in a program are an experiment
const node = { args: ["--disable-warning=ExperimentalWarning"], env: {} };

/** @returns the runtimes that are installed for this platform, and the names of those that are not */
export function findRuntimes(): { readonly runtimes: readonly Runtime[]; readonly missing: readonly string[] } {
  const wanted: readonly Omit<Runtime, "file">[] = [
    { name: "Node 22", ...node },
    { name: "Node 24", ...node },
    { name: "Node 26", ...node },
    { name: "Bun", args: ["run"], env: {} },
    { name: "Deno", args: ["run", "--allow-all", "--node-modules-dir=manual", "--cached-only"], env: { DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" } },
  ];
  const found = wanted.map((runtime) => ({ ...runtime, file: fileOf(runtime.name) }));
  return { runtimes: found.filter((one): one is Runtime => one.file !== undefined), missing: found.filter(({ file }) => file === undefined).map(({ name }) => name) };
}

function fileOf(name: string): string | undefined {
  switch (name) {
    case "Node 22":
    case "Node 24":
      return locate(`${name.toLowerCase().replace(" ", "-")}-${os}-${arch}`, "bin/node");
    case "Bun":
      return locate(`@oven/bun-${os}-${arch === "arm64" ? "aarch64" : arch}`, "bin/bun", "bun");
    case "Deno":
      return locate(`@deno/${os}-${arch}${os === "linux" ? "-glibc" : ""}`, "deno", "deno");
    default:
      return process.execPath; // the workspace's own
  }
}

/** @param by the package that brings the other one along */
function locate(name: string, file: string, by?: string): string | undefined {
  try {
    const from = by === undefined ? require : createRequire(require.resolve(`${by}/package.json`));
    return join(dirname(from.resolve(`${name}/package.json`)), file);
  } catch {
    return undefined; // not for this platform
  }
}
