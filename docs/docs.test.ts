import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { catalogue } from "../reliability/catalogue.ts";
import { fencesOf } from "./fences.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);
const read = (file: string): Promise<string> => readFile(join(root, file), "utf8");

const packages = (await readdir(join(root, "packages"))).map((name) => `packages/${name}/README.md`);
const docs = (await readdir(import.meta.dirname, { recursive: true })).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
const pages = new Map(await Promise.all(["README.md", "SECURITY.md", "CONTRIBUTING.md", "AGENTS.md", ...packages, ...docs].map(async (file) => [file, await read(file)] as const)));

/** The code blocks of a page that are written in `language` and stand in no file: those are compiled and run there. */
function blocks(page: string, language: string): string[] {
  return fencesOf(page).filter((fence) => fence.language === language && fence.source === undefined).map(({ code }) => code);
}

describe("links", () => {
  const prose = (page: string): string => page.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "code");
  /** The anchors of a page's headings, as GitHub makes them. */
  const anchorsOf = (page: string): string[] =>
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));

  test.each([...pages])("of %s lead somewhere", async (file, page) => {
    const broken: string[] = [];
    for (const [, link] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      const [path = "", anchor] = link!.split("#");
      const target = path === "" ? join(root, file) : resolve(root, dirname(file), path);
      if (!existsSync(target) || relative(root, target).startsWith("..")) broken.push(link!);
      else if (anchor !== undefined && !anchorsOf(await readFile(target, "utf8")).includes(anchor)) broken.push(link!);
    }
    expect(broken).toEqual([]);
  });
});

describe("seed.md", () => {
  const headings = [
    "func ProxyStreamHandler",
    "func Send",
    "func SendConnData",
    "func Stream",
    "func UnmarshalConnData",
    "type MultiRequest",
    "func NewMultiRequest",
    "func (*MultiRequest) AddRequest",
    "func (*MultiRequest) RemoveRequest",
    "func (*MultiRequest) Responses",
    "type Request",
    "func NewRequest",
    "func (*Request) HandleResponse",
    "func (*Request) Respond",
    "func (*Request) UnmarshalArgs",
    "func (*Request) Validate",
    "type Response",
    "func NewResponse",
    "func (*Response) MarshalJSON",
    "func (*Response) UnmarshalJSON",
    "func (*Response) UnmarshalResult",
    "type ResponseHandler",
    "type Tracker",
    "func NewTracker",
    "func (*Tracker) Addr",
    "func (*Tracker) HandleResponse",
    "func (*Tracker) NewStreamUnix",
    "func (*Tracker) NumRequests",
    "func (*Tracker) ProxyStreamHTTPURL",
    "func (*Tracker) ProxyUnix",
    "func (*Tracker) RemoveRequest",
    "func (*Tracker) Start",
    "func (*Tracker) Stop",
    "func (*Tracker) TrackRequest",
    "func (*Tracker) URL",
    "type UnixListener",
    "func NewUnixListener",
    "func (*UnixListener) Addr",
    "func (*UnixListener) DoneConn",
    "func (*UnixListener) NextConn",
    "func (*UnixListener) Start",
    "func (*UnixListener) Stop",
    "func (*UnixListener) URL",
  ];
  const rows = (pages.get("docs/seed.md") ?? "").split("\n").map((line) => line.split(" | ")).filter(([first]) => /^\| \d+$/.test(first!));

  test("has all 43 headings of the seed, in their order", () => {
    expect(rows.map(([number]) => number)).toEqual(headings.map((_, index) => `| ${index + 1}`));
    expect(rows.map(([, heading]) => heading)).toEqual(headings.map((heading) => `\`${heading}\``));
  });

  test.each(rows)("%s %s: the name is exported there, the test is there", async (_number, _heading, ours, tested) => {
    const [, name, source] = /^`([\w.]+).*`.*\]\((.*)\)$/.exec(ours) ?? [];
    expect(await read(join("docs", source!))).toMatch(new RegExp(`\\b${name!.split(".").at(-1)!}\\b`));
    const entry = join("docs", source!.replace(/\/src\/.*/, "/src/index.ts"));
    if (!name!.includes(".")) expect(await read(entry)).toMatch(new RegExp(`\\b${name!}\\b`));
    const tests = [...tested.matchAll(/\[([^\]]+)\]\(([^)]+)\) "([^"]+)"/g)];
    expect(tests.length).toBeGreaterThan(0);
    for (const [, label, file, title] of tests) {
      expect(label).toBe(basename(file!));
      expect(await read(join("docs", file!))).toContain(`"${title!}"`);
    }
  });
});

describe("limits.md", () => {
  const rows = (pages.get("docs/limits.md") ?? "").split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| limit"));

  test.each(rows)("%s has its test", async (row) => {
    const [, label, file, title] = /\[([^\]]+)\]\(([^)]+)\) "([^"]+)" \|$/.exec(row) ?? [];
    expect(label).toBe(basename(file!));
    expect(await read(join("docs", file!))).toContain(title!);
  });

  test("names every option that has a default with a unit, or a number", async () => {
    const named = new Set(rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name!)));
    const missing: string[] = [];
    for (const directory of await readdir(join(root, "packages"))) {
      if (directory === "transport-testing") continue; // what tests say of the faults that they want
      const sources = (await readdir(join(root, "packages", directory, "src"), { recursive: true }).catch(() => [])).filter((name) => name.endsWith(".ts") && !/test|fixtures/.test(name));
      for (const source of sources) {
        const text = await read(join("packages", directory, "src", source));
        for (const [, name] of text.matchAll(/readonly (\w*(?:Ms|Bytes|Limit)|max\w+)\?: number/g)) if (!named.has(name!)) missing.push(`${source}: ${name!}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

test("every guard in SECURITY.md has a test that is there", async () => {
  const rows = (pages.get("SECURITY.md") ?? "").split("## How the rest is guarded")[1]!.split("\n").filter((line) => line.startsWith("| ")).slice(1);
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const tests = [...row.matchAll(/\[([^\]]+)\]\(([^)]+\.test\.ts)\) "([^"]+)"/g)];
    expect([row, tests.length > 0]).toEqual([row, true]);
    for (const [, label, file, title] of tests) {
      expect(label).toBe(basename(file!));
      expect(await read(file!)).toContain(`"${title!}"`);
    }
  }
});

describe("reliability.md", () => {
  const rows = (pages.get("docs/reliability.md") ?? "").split("\n").filter((line) => /^\| [AFLS]\d+ \|/.test(line));

  test("has every case of the catalogue, all of whose tests passed when it was written", () => {
    expect(rows.map((row) => row.split(" | ")[0]!.slice(2))).toEqual(Object.keys(catalogue));
    expect(rows.filter((row) => !/\| \d+ passed(?:, \d+ skipped)? \|$/.test(row) || row.includes("| 0 passed"))).toEqual([]);
  });

  test("every case still has a test with its number", async () => {
    const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"));
    const titles = (await Promise.all(files.map(read))).join("\n");
    expect(Object.keys(catalogue).filter((number) => !new RegExp(`["\`][^"\`\n]*\\b${number}\\b`).test(titles))).toEqual([]);
  });
});

test("every promise in architecture.md has a test", () => {
  const promises = [...(pages.get("docs/architecture.md") ?? "").matchAll(/^\| \d+ \|.*$/gm)].map(([row]) => row);
  expect(promises.length).toBe(11);
  for (const row of promises) expect(row).toMatch(/\.test\.ts\)/);
});

test("the TypeScript of README and docs compiles against the sources", { timeout: 60_000 }, async () => {
  await mkdir(join(root, "examples", ".cache"), { recursive: true });
  const directory = await mkdtemp(join(root, "examples", ".cache", "snippets-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const options = { noUnusedLocals: false, noUnusedParameters: false };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ extends: "../../../tooling/tsconfig/check.json", compilerOptions: options, include: ["*.ts"] }));
  let count = 0;
  for (const [file, page] of pages) {
    for (const code of blocks(page, "ts")) {
      // a snippet may use a tracker that an earlier one has made
      const prelude = /\btracker\b/.test(code) && !/(const|using) tracker\b/.test(code) ? 'declare const tracker: import("@acomm/tracker").Tracker;\n' : "";
      await writeFile(join(directory, `${file.replaceAll(/\W/g, "-")}-${count}.ts`), `${prelude}${code}export {};\n`);
      count += 1;
    }
  }
  expect(count).toBeGreaterThanOrEqual(5);
  const { stdout } = await run(join(root, "node_modules", ".bin", "tsc"), ["--noEmit", "-p", directory]).catch((error: unknown) => error as { stdout: string });
  expect(stdout).toBe("");
});

test("the program of protocol.md prints what the page says, but for ids, directory and the time that is left", { timeout: 60_000 }, async () => {
  const page = pages.get("docs/protocol.md") ?? "";
  const [program = ""] = blocks(page, "js");
  const printed = blocks(page, "text").at(-1) ?? "";
  const same = (text: string): string => text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID").replace(/\/tmp\/acomm-\w+/g, "DIRECTORY").replace(/"timeout":(?:30000|29\d{3})\b/g, '"timeout":LEFT');
  const { stdout, stderr } = await run(process.execPath, ["--conditions=@acomm/source", "--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program], { cwd: join(root, "examples") });
  expect(stderr).toBe("");
  expect(same(stdout)).toBe(same(printed));
  expect(printed.trimEnd().split("\n").map((line) => parseInt(line.slice(3, 11), 16))).toEqual(printed.trimEnd().split("\n").map((line) => line.length - 12));
});
