import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTurn } from "./in-turn.ts";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtime.ts";
import { formatTable } from "./table.ts";

/** What a runtime can do, by feature: null, or why not. */
type Outcomes = ReadonlyMap<string, string | null>;

/** What the page says of a feature that a runtime has at one time and lacks at another: either outcome is as it says. */
const notAlways = "not always";
const page = join(import.meta.dirname, "..", "docs", "runtimes.md");

/** Tries every feature with each runtime, and gives the outcomes by the name of the runtime. */
export async function tryFeatures(project: Project, runtimes: readonly Runtime[], natsUrl: string | undefined): Promise<ReadonlyMap<string, Outcomes>> {
  await cp(join(import.meta.dirname, "features"), join(project.directory, "features"), { recursive: true });
  const outcomes = await inTurn(runtimes, async (runtime) => {
    const env = { STRANGER_RUNTIME: JSON.stringify(runtime.args), ...(natsUrl === undefined ? {} : { STRANGER_NATS: natsUrl }) };
    const { code, stdout, output } = await project.run(runtime, join("features", "main.ts"), [], env);
    const lines = stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as { readonly name: string; readonly problem: string | null });
    if (code !== 0 || lines.length === 0) throw new Error(`the features in ${runtime.name} ended with ${code}:\n${output}`);
    return [runtime.name, new Map(lines.map(({ name, problem }) => [name, problem]))] as const;
  });
  return new Map(outcomes);
}

/**
 * Compares the outcomes with the table in docs/runtimes.md, or writes it there.
 *
 * @returns the table, and what is not as it says
 */
export async function compareWithPage(outcomes: ReadonlyMap<string, Outcomes>, isUpdate: boolean): Promise<{ readonly table: string; readonly problems: readonly string[] }> {
  const runtimes = [...outcomes.keys()];
  const features = [...new Set([...outcomes.values()].flatMap((of) => [...of.keys()]))];
  const text = await readFile(page, "utf8");
  const [written = ""] = /^\| feature .*\n(?:\|.*\n)+/m.exec(text) ?? [];
  const [head = [], , ...rows] = written.trim().split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const said = new Map<string, string>(rows.flatMap(([feature = "", ...words]) => words.map((word, index) => [`${head[index + 1] ?? ""}: ${feature}`, word] as const)));
  const wordOf = (runtime: string, feature: string): string => {
    if (said.get(`${runtime}: ${feature}`) === notAlways) return notAlways;
    return outcomes.get(runtime)?.get(feature) === null ? "yes" : "no";
  };
  const table = formatTable(["feature", ...runtimes], features.map((feature) => [feature, ...runtimes.map((runtime) => wordOf(runtime, feature))]));
  if (isUpdate) {
    await writeFile(page, text.replace(written, `${table}\n`));
    return { table, problems: [] };
  }
  const problems = runtimes.flatMap((runtime) => features.flatMap((feature) => {
    const key = `${runtime}: ${feature}`;
    const word = wordOf(runtime, feature);
    return said.get(key) === word ? [] : [`${key}: docs/runtimes.md says ${said.get(key) ?? "nothing"}, and it is ${word}${word === "no" ? `: ${outcomes.get(runtime)?.get(feature) ?? "it was not tried"}` : ""}`];
  }));
  return { table, problems };
}
