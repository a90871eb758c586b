import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { withoutChance } from "./cli-examples.ts";
import { fencesOf, withCode } from "./fences.ts";
import type { FenceSource } from "./fences.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

/** A page that has code of the repository in it. */
export interface Page {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

/** The pages for readers: README, docs, and those of the packages. */
export async function readPages(): Promise<Page[]> {
  const packages = (await readdir(join(root, "packages"))).map((name) => `packages/${name}/README.md`);
  const docs = (await readdir(import.meta.dirname, { recursive: true })).filter((name) => name.endsWith(".md")).sort().map((name) => `docs/${name}`);
  return Promise.all(["README.md", ...packages, ...docs].map(async (file) => ({ file, text: await readFile(join(root, file), "utf8") })));
}

/** The page as it has to be: each fence that names a source has what stands there, or what it prints. */
export async function withSources(page: Page): Promise<string> {
  const codes = await Promise.all(
    fencesOf(page.text).map(async ({ source, code }) => {
      if (source === undefined) return undefined;
      if (!source.isPrinted) return readSnippet(source);
      const printed = await outputOf(source.file);
      if (/^[\w-]+: left out, /.test(printed)) return undefined; // this machine has not what it needs
      return withoutChance(printed) === withoutChance(code) ? undefined : printed;
    }),
  );
  return withCode(page.text, () => codes.shift());
}

/** A file or a region of it, without the marks of regions and without the indentation that all its lines have. */
async function readSnippet({ file, region }: FenceSource): Promise<string> {
  const text = await readFile(join(root, file), "utf8");
  return snippetOf(text, region, file);
}

const mark = /^\s*(?:\/\/|#|<!--) ?#(?:region (?<region>[\w-]+)|endregion)\b.*$/;

/** @param name what to call the text where the region is missing */
export function snippetOf(text: string, region: string | undefined, name: string): string {
  const lines: string[] = [];
  const open: string[] = [];
  let found = region === undefined;
  for (const line of text.trimEnd().split("\n")) {
    const match = mark.exec(line);
    if (match !== null) {
      const started = match.groups?.["region"];
      if (started === undefined) open.pop();
      else open.push(started);
      found ||= started === region;
    } else if (region === undefined || open.includes(region)) lines.push(line);
  }
  if (!found) throw new Error(`${name} has no region ${region ?? ""}`);
  const indentations = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const indentation = Math.min(...indentations);
  return `${lines.map((line) => line.slice(indentation)).join("\n").trim()}\n`;
}

/** What an example prints; rejects where it finds something wrong. */
async function outputOf(file: string): Promise<string> {
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=@acomm/source", join(root, file)];
  const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 120_000 });
  return stdout;
}
