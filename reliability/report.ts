// Runs all tests and writes the table of docs/reliability.md: each case, the tests that carry its number, and their results.
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { catalogue } from "./catalogue.ts";

interface TestRun {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[];
}

const root = join(import.meta.dirname, "..");
const page = join(root, "docs", "reliability.md");
const begin = "<!-- the table is written by reliability/report.ts -->\n";
const end = "<!-- until here -->\n";

const directory = await mkdtemp(join(tmpdir(), "acomm-report-"));
const output = join(directory, "tests.json");
const { status } = spawnSync(process.execPath, [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--reporter=default", "--reporter=json", `--outputFile.json=${output}`], { cwd: root, stdio: "inherit" });
const run = JSON.parse(await readFile(output, "utf8")) as TestRun;
await rm(directory, { recursive: true });

const tests = run.testResults.flatMap(({ name, assertionResults }) => assertionResults.map(({ fullName, status }) => ({ file: relative(root, name), title: fullName.trim(), status })))
  // it names the others' titles
  .filter(({ file }) => file !== "docs/docs.test.ts");
const missing: string[] = [];
const rows = Object.entries(catalogue).map(([number, what]) => {
  const own = tests.filter(({ title }) => new RegExp(`\\b${number}\\b`).test(title));
  if (own.length === 0) missing.push(number);
  const shown = own.slice(0, 3).map(({ file, title }) => `[${basename(file)}](../${file}) ${plain(title)}`);
  const more = own.length > 3 ? [`and ${own.length - 3} more`] : [];
  const count = (wanted: string): number => own.filter(({ status }) => status === wanted).length;
  const [passed, failed] = [count("passed"), count("failed")];
  const skipped = own.length - passed - failed; // such as those for a user other than root
  return `| ${number} | ${what} | ${[...shown, ...more].join("<br>")} | ${passed} passed${failed > 0 ? `, ${failed} failed` : ""}${skipped > 0 ? `, ${skipped} skipped` : ""} |`;
});

const text = await readFile(page, "utf8");
const table = ["| case | what | tests | result |", "|---|---|---|---|", ...rows].join("\n");
await writeFile(page, `${text.slice(0, text.indexOf(begin) + begin.length)}\n${table}\n\n${text.slice(text.indexOf(end))}`);
console.log(`${rows.length} cases, ${missing.length === 0 ? "each with a test" : `without a test: ${missing.join(", ")}`}`);
process.exitCode = status === 0 && missing.length === 0 ? 0 : 1;

/** A title as text of a table. */
function plain(title: string): string {
  return title.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ").replaceAll("`", "'").replaceAll("[", "\\[");
}
