import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A TypeScript that a stranger may have. */
export interface Compiler {
  readonly name: string;
  /** Its command, a program for Node. */
  readonly file: string;
}

export const compilers: readonly Compiler[] = ["typescript-5.9", "typescript-6", "typescript"].map((name) => ({
  name: name === "typescript" ? "TS 7" : name.replace("typescript-", "TS "),
  file: fileURLToPath(new URL("bin/tsc", import.meta.resolve(`${name}/package.json`))),
}));

/** How modules are found, with all that a stranger has to say for that. */
export const resolutions = {
  nodenext: { module: "nodenext" },
  bundler: { module: "preserve", moduleResolution: "bundler", target: "es2022" },
} as const;

export type Resolution = keyof typeof resolutions;

/**
 * Checks programs with everything that the types of packages can be checked with.
 *
 * @param directory where the configuration is written; `files` are in it
 * @param more options, such as the packages of global `types`
 * @returns what the compiler says, a line each; nothing where all is well
 */
export async function typeCheck(directory: string, compiler: Compiler, resolution: Resolution, files: readonly string[], more: Readonly<Record<string, readonly string[]>>): Promise<string[]> {
  const compilerOptions = { strict: true, skipLibCheck: false, noEmit: true, lib: ["es2023"], ...more, ...resolutions[resolution] };
  const configuration = join(directory, `${compiler.name}-${resolution}-${Object.values(more).flat().join("-")}.json`.replaceAll(" ", "-"));
  await writeFile(configuration, JSON.stringify({ compilerOptions, files }));
  const { code, output } = await new Promise<{ readonly code: unknown; readonly output: string }>((resolve) => {
    execFile(process.execPath, [compiler.file, "--project", configuration, "--pretty", "false"], { cwd: directory, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => { resolve({ code: error?.code ?? 0, output: stdout + stderr }); });
  });
  const lines = output.split("\n").filter((line) => line !== "");
  return code === 0 || lines.length > 0 ? lines : [`${compiler.name} ended with ${String(code)} and said nothing`];
}

/** What a compiler's package says of its version. */
export async function versionOf(compiler: Compiler): Promise<string> {
  return (JSON.parse(await readFile(join(compiler.file, "..", "..", "package.json"), "utf8")) as { readonly version: string }).version;
}
