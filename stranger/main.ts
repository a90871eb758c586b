/**
 * The stranger's test: releases all packages into a registry on the loopback, and uses them as somebody would who has nothing of
 * this workspace. `--update` writes what the runtimes can do into docs/runtimes.md instead of comparing it.
 */
import { NatsServer, whyNoNatsServer } from "@acomm/testing";
import { startRelease } from "@acomm/testing/release";
import { cp, mkdir, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleForBrowser } from "./browser.ts";
import { compilers, resolutions, versionOf } from "./compiler.ts";
import { converse } from "./conversation.ts";
import { compareWithPage, tryFeatures } from "./feature-table.ts";
import { inTurn } from "./in-turn.ts";
import { installPackages, runAll, typeCheckAll } from "./package-check.ts";
import type { Row } from "./package-check.ts";
import { Project } from "./project.ts";
import { readExamples, runExamples } from "./readme.ts";
import { findRuntimes } from "./runtime.ts";
import { formatTable } from "./table.ts";

const changeset = "A second release, to see that an upgrade works.";
const startedAt = performance.now();
const problems: string[] = [];
const { runtimes, missing } = findRuntimes();
const say = (what: string): void => { console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${what}`); };
const check = (is: boolean, problem: string): void => { if (!is) problems.push(problem); };

if (missing.length > 0) say(`left out, not there for this platform: ${missing.join(", ")}`);
if (whyNoNatsServer !== undefined) say(`left out, calls over NATS: ${whyNoNatsServer}`);
const directory = await realpath(await mkdtemp(join(tmpdir(), "acomm-stranger-")));
// what a runtime leaves behind that is killed, or can't do something, goes with the rest
const temporary = join(directory, "tmp");
await mkdir(temporary);
const release = await startRelease();
const natsServer = whyNoNatsServer === undefined ? await NatsServer.start() : undefined;
try {
  const env = { ...release.env, TMPDIR: temporary };
  const first = await release.release();
  const version = first["acomm"] ?? "";
  say(`released ${release.packages.length} packages, version ${version}`);

  const installed = await installPackages(directory, release.packages, env);
  const umbrella = await Project.create(join(directory, "acomm"), env);
  const old = await Project.create(join(directory, "old"), env);
  await inTurn([umbrella, old], (project) => project.install("acomm", "zod"));
  for (const { directory: own } of [umbrella, old]) await cp(join(import.meta.dirname, "talk"), join(own, "talk"), { recursive: true });
  say("installed each of them by itself, with npm");

  const rows: readonly Row[] = installed.map(({ name }) => ({ name, cells: {}, problems: [] }));
  await typeCheckAll(directory, installed, rows);
  say(`type-checked them with TypeScript ${(await Promise.all(compilers.map(versionOf))).join(", ")}`);
  await runAll(installed, runtimes, rows);
  say("ran a program with each of them");
  const columns = [...compilers.flatMap(({ name }) => Object.keys(resolutions).map((resolution) => `${name} ${resolution}`)), ...runtimes.map(({ name }) => name)];
  console.log(`\n${formatTable(["package", ...columns], rows.map(({ name, cells }) => [name, ...columns.map((column) => cells[column] ?? "")]))}\n`);
  problems.push(...rows.flatMap(({ name, problems: own }) => own.map((problem) => `${name}: ${problem}`)));

  const protocol = installed.find(({ name }) => name === "@acomm/protocol");
  if (protocol !== undefined) say(`bundled @acomm/protocol for a browser: ${await bundleForBrowser(protocol.project)} bytes, nothing of Node in them`);

  const { table, problems: differences } = await compareWithPage(await tryFeatures(umbrella, runtimes, natsServer?.url), process.argv.includes("--update"));
  say("tried what each runtime can do");
  console.log(`\n${table}\n`);
  problems.push(...differences);

  const examples = await readExamples();
  await umbrella.write("disks.ts", examples.provider);
  const readme = await inTurn(runtimes, (runtime) => runExamples(umbrella, runtime, examples, join(directory, `r-${runtime.name.replace(" ", "-")}`)));
  problems.push(...readme.flatMap((own, index) => own.map((problem) => `${runtimes[index]?.name ?? ""}: ${problem}`)));
  say(`ran the README's examples with ${runtimes.map(({ name }) => name).join(", ")}`);

  const speakers = runtimes.map((runtime) => ({ name: runtime.name.replace(" ", "-"), runtime, project: umbrella }));
  problems.push(...[...await converse(join(directory, "c"), speakers)].map(([name, problem]) => `${name} calls the others:\n${problem}`));
  say("let each runtime call each");

  const second = await release.release(changeset);
  check(second["acomm"] !== version, `the second release has version ${String(second["acomm"])} again`);
  for (const name of release.packages) check(second[name] === second["acomm"], `${name} has version ${String(second[name])}, and acomm ${String(second["acomm"])}`);
  check((await readFile(join(release.directory, "packages", "acomm", "CHANGELOG.md"), "utf8")).includes(changeset), "the changelog of acomm doesn't have the changeset's text");
  await umbrella.install("acomm@latest");
  const upgraded = await umbrella.manifestOf("acomm");
  check(upgraded.version === second["acomm"], `npm install acomm@latest gave ${upgraded.version}`);
  const command = await umbrella.command("acomm", "--version");
  check(command.stdout === `${upgraded.version}\n`, `npx acomm --version printed ${command.output}`);
  const [runtime] = runtimes;
  if (runtime !== undefined) {
    problems.push(...(await runExamples(umbrella, runtime, examples, join(directory, "u"))).map((problem) => `after the upgrade: ${problem}`));
    const versions = [{ name: "first", runtime, project: old }, { name: "second", runtime, project: umbrella }];
    problems.push(...[...await converse(join(directory, "v"), versions)].map(([name, problem]) => `the ${name} release calls the other:\n${problem}`));
  }
  say(`released version ${upgraded.version} with a changeset, upgraded to it, and let the two versions call each other`);
} catch (error) {
  problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await natsServer?.[Symbol.asyncDispose]();
  await release.close();
  await rm(directory, { recursive: true, force: true });
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
}
say(problems.length > 0 ? `${problems.length} things are not as they should be` : "a stranger can use all of it");
