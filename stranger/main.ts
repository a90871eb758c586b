/** The stranger's test: releases all packages into a registry on the loopback, and uses them as somebody would who has nothing of this workspace. */
import { startRelease } from "@acomm/testing/release";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilers, resolutions, versionOf } from "./compiler.ts";
import { installPackages, runAll, typeCheckAll } from "./package-check.ts";
import type { Row } from "./package-check.ts";
import { findRuntimes } from "./runtime.ts";
import { formatTable } from "./table.ts";

const startedAt = performance.now();
let problems: readonly string[] = [];
const directory = await realpath(await mkdtemp(join(tmpdir(), "acomm-stranger-")));
const { runtimes, missing } = findRuntimes();
const say = (what: string): void => { console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${what}`); };
if (missing.length > 0) say(`not installed for this platform, and left out: ${missing.join(", ")}`);

const release = await startRelease();
try {
  const versions = await release.release();
  say(`released ${release.packages.length} packages, ${[...new Set(Object.values(versions))].join(", ")}`);

  const installed = await installPackages(directory, release.packages, release.env);
  say("installed each of them by itself, with npm");
  const rows: readonly Row[] = release.packages.map((name) => ({ name, cells: {}, problems: [] }));
  await typeCheckAll(directory, installed, rows);
  say(`type-checked with ${(await Promise.all(compilers.map(versionOf))).join(", ")}`);
  await runAll(installed, runtimes, rows);
  say(`run by ${runtimes.map(({ name }) => name).join(", ")}`);
  const columns = [...compilers.flatMap(({ name }) => Object.keys(resolutions).map((resolution) => `${name} ${resolution}`)), ...runtimes.map(({ name }) => name)];
  console.log(formatTable(["package", ...columns], rows.map(({ name, cells }) => [name, ...columns.map((column) => cells[column] ?? "")])));
  problems = rows.flatMap(({ name, problems: own }) => own.map((problem) => `${name}: ${problem}`));
} catch (error) {
  problems = [error instanceof Error ? error.message : String(error)];
} finally {
  await release.close();
  await rm(directory, { recursive: true, force: true });
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
}
say(problems.length > 0 ? "FAILED" : "a stranger can use all of it");
