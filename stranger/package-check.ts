import { mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { compilers, resolutions, typeCheck } from "./compiler.ts";
import type { Resolution } from "./compiler.ts";
import { inTurn } from "./in-turn.ts";
import { Project } from "./project.ts";
import type { Manifest } from "./project.ts";
import type { Runtime } from "./runtime.ts";

/** What a stranger has beside a package: what its users write with it. */
const companions: Readonly<Record<string, readonly string[]>> = { "@acomm/provider": ["zod"], "@acomm/transport-nats": ["@acomm/tracker"] };
/** Entries that run the command, and have no names. */
const commands: ReadonlySet<string> = new Set(["@acomm/cli/main"]);
/** Packages that are for browsers too, and need no types of Node's. */
const neutral: ReadonlySet<string> = new Set(["@acomm/protocol"]);

/** A project with one package, and a program of its main use. */
export interface Installed {
  readonly name: string;
  readonly project: Project;
  readonly manifest: Manifest;
  /** What the program is to print. */
  readonly expected: string;
}

/** What became of one package: a word for each column, and what went wrong. */
export interface Row {
  readonly name: string;
  readonly cells: Record<string, string>;
  readonly problems: string[];
}

/** Installs each package by itself, in a directory below `directory`; leaves out those without anything to import. */
export async function installPackages(directory: string, packages: readonly string[], env: Readonly<NodeJS.ProcessEnv>): Promise<readonly Installed[]> {
  const types = await Project.create(directory, env);
  await types.install("@types/node"); // found by all, as every one of them would have it
  const installed = await inTurn(packages, async (name): Promise<Installed | undefined> => {
    const project = await Project.create(join(directory, "projects", basename(name)), env);
    await project.install(name, ...(companions[name] ?? []));
    const manifest = await project.manifestOf(name);
    const entries = entriesOf(manifest);
    if (entries.length === 0) return undefined; // nothing of it is imported
    const program = await readFile(join(import.meta.dirname, "programs", `${basename(name)}.ts`), "utf8").catch(() => undefined);
    const [, expected] = /^\/\*\* Prints `(.*)`\. \*\/$/m.exec(program ?? "") ?? [];
    if (program === undefined || expected === undefined) throw new Error(`${name} has no program in stranger/programs that begins with what it prints`);
    await project.write("main.ts", program);
    await project.write("entries.ts", entries.map((entry, index) => `import * as entry${index} from ${JSON.stringify(entry)};\n`).join("") + `export const entries: readonly object[] = [${entries.map((_, index) => `entry${index}`).join(", ")}];\n`);
    const loaded = entries.filter((entry) => !commands.has(entry));
    await project.write("loaded.cjs", loaded.map((entry) => JSON.stringify(entry)).map((entry) => `if (Object.keys(require(${entry})).length > 0) import(${entry}).then((names) => console.log(names === require(${entry})));\n`).join(""));
    return { name, project, manifest, expected };
  });
  return installed.filter((one) => one !== undefined);
}

function entriesOf({ name, exports = {} }: Manifest): readonly string[] {
  return Object.keys(exports).filter((key) => !key.endsWith(".json")).map((key) => join(name, key));
}

/**
 * Type-checks all programs and all entries with each compiler.
 *
 * One run of a compiler checks all projects, since nine tenths of its work are its own library and Node's types. Each file
 * finds only what its own project has installed, except for the types of Node.
 */
export async function typeCheckAll(directory: string, installed: readonly Installed[], rows: readonly Row[]): Promise<void> {
  const runs = compilers.flatMap((compiler) => (Object.keys(resolutions) as Resolution[]).map((resolution) => ({ compiler, resolution })));
  await inTurn(runs, async ({ compiler, resolution }) => {
    const filesOf = (name: string): string => join("projects", basename(name));
    const lines = await typeCheck(directory, compiler, resolution, installed.flatMap(({ name }) => ["main.ts", "entries.ts"].map((file) => join(filesOf(name), file))), { types: ["node"] });
    const alone = installed.filter(({ name }) => neutral.has(name));
    if (alone.length > 0 && resolution === "bundler") lines.push(...(await typeCheck(directory, compiler, resolution, alone.map(({ name }) => join(filesOf(name), "entries.ts")), { types: [], lib: ["es2023", "dom"] })));
    const column = `${compiler.name} ${resolution}`;
    for (const row of rows) row.cells[column] = "ok";
    for (const line of lines) {
      // an indented line goes on with the one before; what names no project concerns all
      const own = rows.filter(({ name }) => line.startsWith(`${filesOf(name)}/`));
      for (const row of own.length > 0 ? own : rows) row.cells[column] = "FAILED";
      (own[0] ?? rows[0])?.problems.push(`${column}: ${line}`);
    }
  });
}

/** Runs each program, and loads each entry by `import` and `require`, with each runtime. */
export async function runAll(installed: readonly Installed[], runtimes: readonly Runtime[], rows: readonly Row[]): Promise<void> {
  const runs = installed.flatMap((one, index) => runtimes.map((runtime) => ({ one, runtime, row: rows[index] })));
  await inTurn(runs, async ({ one: { project, expected, manifest }, runtime, row }) => {
    const sockets = join(project.directory, runtime.name.replace(" ", "-"));
    await mkdir(sockets, { mode: 0o700 });
    const entries = "true\n".repeat(entriesOf(manifest).filter((entry) => !commands.has(entry)).length);
    const problems: string[] = [];
    for (const [file, wanted] of [["main.ts", `${expected}\n`], ["loaded.cjs", entries]] as const) {
      const { code, stdout, output } = await project.run(runtime, file, [sockets]);
      if (code !== 0 || stdout !== wanted) problems.push(`${runtime.name} ${file}: ended with ${code}, expected ${JSON.stringify(wanted)}, printed:\n${output}`);
    }
    if (row === undefined) return;
    row.cells[runtime.name] = problems.length === 0 ? "ok" : "FAILED";
    row.problems.push(...problems);
  });
}
