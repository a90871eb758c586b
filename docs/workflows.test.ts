import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..");
const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const { scripts } = JSON.parse(await read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
const folder = ".github/workflows";
const workflows = await Promise.all((await readdir(join(root, folder))).map(async (name) => [name, parse(await read(`${folder}/${name}`), { strict: true, uniqueKeys: true }) as Workflow] as const));
const ci = workflows.find(([name]) => name === "ci.yml")![1];

const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps = [] }) => steps);
/** What a workflow runs: in its steps, and by the action that makes releases. */
const commandsOf = (workflow: Workflow): string[] =>
  stepsOf(workflow).flatMap(({ uses = "", run, with: inputs = {} }) => [run, ...(uses.startsWith("changesets/") ? [inputs["version"], inputs["publish"]] : [])].filter((command) => typeof command === "string"));
/** The scripts of package.json that a command calls, directly or by pnpm. */
const scriptsOf = (command: string): string[] => [...command.matchAll(/\bnpm run (?:-s )?(?!-s |pnpm )([\w:]+)|\bpnpm -- run ([\w:]+)/g)].map(([, direct, byPnpm]) => (direct ?? byPnpm)!);

describe.each(workflows)("%s", (_, workflow) => {
  test("calls scripts and files that are there, and nothing by a pnpm of its own", () => {
    const commands = commandsOf(workflow);
    expect(commands.flatMap(scriptsOf).filter((script) => !(script in scripts))).toEqual([]);
    expect(commands.filter((command) => scriptsOf(command).length === 0 && !/^(?:node (?:--print process\.version|node_modules\/)|sudo apt-get )/.test(command))).toEqual([]);
    for (const [, file] of commands.join("\n").matchAll(/\bnode (node_modules\/\S+)/g)) expect([file, existsSync(join(root, file!))]).toEqual([file, true]);
  });

  test("takes every action by a whole version, or a workflow that is there", () => {
    const used = [...stepsOf(workflow), ...Object.values(workflow.jobs)].flatMap(({ uses }) => uses ?? []);
    expect(used.length).toBeGreaterThan(0);
    for (const uses of used) expect([uses, uses.startsWith("./") ? existsSync(join(root, uses)) : /^[\w-]+\/[\w-]+@v\d+\.\d+\.\d+$/.test(uses)]).toEqual([uses, true]);
  });

  test("may write nothing by default, waits for its like, and ends", () => {
    expect(Object.values(workflow.permissions ?? { all: "write" }).filter((right) => right !== "read")).toEqual([]);
    expect(workflow.concurrency).toBeDefined();
    for (const [name, job] of Object.entries(workflow.jobs)) if (job.uses === undefined) expect([name, job["timeout-minutes"]]).toEqual([name, expect.any(Number)]);
  });
});

test.each(["README.md", "CONTRIBUTING.md", "AGENTS.md", ".github/pull_request_template.md"])("%s names commands that are there", async (page) => {
  const words = [...(await read(page)).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  const named = words.filter((code) => /^(?:npm run|pnpm -- run)/.test(code)).flatMap(scriptsOf).concat(words.filter((code) => /^[a-z]+:[a-z:]+$/.test(code)));
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});

test("every step of `npm test` is a job of ci.yml", async () => {
  const check = await read("tooling/scripts/check.mjs");
  const steps = [.../^const steps = \{(.*?)^\};/ms.exec(check)![1]!.matchAll(/: \[(.*?)\],/g)].flatMap(([, step]) => [...step!.matchAll(/"(?:\/\/#)?([\w:-]+)"/g)].map(([, script]) => script!));
  expect(steps).toEqual(expect.arrayContaining(["build", "lint", "test:stranger"]));
  const missing = steps.filter((script) => !["install", "--frozen-lockfile", "run"].includes(script) && !Object.values(ci.jobs).some(({ steps: run = [] }) => run.some((step) => scriptsOf(step.run ?? "").includes(script))));
  expect(missing).toEqual([]);
});

test("the tests run on every Node that is supported, by the Node of the matrix", async () => {
  const { engines } = JSON.parse(await read("packages/protocol/package.json")) as { readonly engines: { readonly node: string } };
  const { node } = ci.jobs as unknown as { readonly node: Job & { readonly strategy: { readonly matrix: { readonly node: readonly number[] } } } };
  expect(`>=${node.strategy.matrix.node[0]}.`).toBe(/^>=\d+\./.exec(engines.node)![0]);
  expect(node.steps!.map(({ run }) => run)).toContain("node --print process.version");
  const tests = node.steps!.at(-1)!.run!;
  expect(tests).toMatch(/^node node_modules\/vitest\/vitest\.mjs run /);
  for (const [, name] of tests.matchAll(/--project (\S+)/g)) expect([name, existsSync(join(root, "packages", name!))]).toEqual([name, true]);
});
