// Packs every public package and checks the tarballs themselves: publint, are-the-types-wrong, what they import against what they say,
// what is in them, and their sizes against `size-budget.json`. `--update`
// writes the sizes as they are, there and in the READMEs.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { contentsProblems, importProblems } from "./package-contents.mjs";
import { sizeLine } from "./size-line.ts";
import { readTar } from "./tar.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const budgetFile = join(root, "size-budget.json");
const budget = JSON.parse(await readFile(budgetFile, "utf8"));
const update = process.argv.includes("--update");
const out = await mkdtemp(join(tmpdir(), "acomm-pack-"));
const problems = [];
/** @type {Record<string, { unpackedBytes: number, packedBytes: number, gzipBytes: number }>} */
const sizes = {};
try {
  await run("pnpm", ["--filter", "./packages/*", "-r", "pack", "--pack-destination", out], { cwd: root, shell: process.platform === "win32" });
  for (const file of (await readdir(out)).sort()) {
    const tarball = new Uint8Array(await readFile(join(out, file)));
    const files = readTar(gunzipSync(tarball));
    const manifest = JSON.parse(files.get("package.json")?.toString() ?? "{}");
    const found = [...contentsProblems(manifest, files), ...importProblems(manifest, files)];
    const hasEntries = Object.values(manifest.exports).some((target) => typeof target === "object");
    const lint = await publint({ pack: { tarball: tarball.slice().buffer }, strict: true });
    for (const message of lint.messages) found.push(formatMessage(message, lint.pkg));
    if (hasEntries) found.push(...(await typeProblems(tarball)));
    problems.push(...found.map((problem) => `${manifest.name}: ${problem}`));
    const bundles = [...files].filter(([path]) => /^dist\/.*\.js$/.test(path)).map(([, content]) => content);
    sizes[manifest.name] = {
      unpackedBytes: [...files.values()].reduce((sum, content) => sum + content.length, 0),
      packedBytes: tarball.length,
      gzipBytes: gzipSync(Buffer.concat(bundles), { level: 9 }).length,
    };
  }
} finally {
  await rm(out, { recursive: true, force: true });
}

if (update) await writeSizes();
else problems.push(...sizeProblems());
console.log(`${"bytes".padEnd(26)} ${"unpacked".padStart(9)} ${"packed".padStart(9)} ${"js, gzip".padStart(9)}`);
for (const [name, { unpackedBytes, packedBytes, gzipBytes }] of Object.entries(sizes)) console.log(`${name.padEnd(26)} ${String(unpackedBytes).padStart(9)} ${String(packedBytes).padStart(9)} ${String(gzipBytes).padStart(9)}`);
const together = Object.keys(sizes).filter((name) => budget.core.packages.includes(name)).reduce((sum, name) => sum + sizes[name].unpackedBytes, 0);
console.log(`${budget.core.packages.map((name) => name.replace("@acomm/", "")).join(" + ")}: ${together} bytes unpacked, ${budget.core.maxUnpackedBytes} at most`);
if (together > budget.core.maxUnpackedBytes) problems.push(`the core has ${together} bytes unpacked, ${budget.core.maxUnpackedBytes} at most: take something out`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

async function writeSizes() {
  await writeFile(budgetFile, `${JSON.stringify({ ...budget, packages: sizes }, undefined, 2)}\n`);
  for (const folder of await readdir(join(root, "packages"))) {
    const manifest = JSON.parse(await readFile(join(root, "packages", folder, "package.json"), "utf8"));
    const path = join(root, "packages", folder, "README.md");
    const page = await readFile(path, "utf8");
    const line = sizeLine(manifest, sizes[manifest.name]);
    await writeFile(path, /^Size: .*$/m.test(page) ? page.replace(/^Size: .*$/m, () => line) : `${page.trimEnd()}\n\n${line}\n`);
  }
}

/** ESM only: `require` from CommonJS and the resolution of Node 10 are out of scope. */
async function typeProblems(tarball) {
  const types = await checkPackage(createPackageFromTarballData(tarball));
  if (!types.types) return ["no types"];
  return types.problems.flatMap((problem) => ("resolutionKind" in problem && (problem.resolutionKind === "node10" || problem.resolutionKind === "node16-cjs") ? [] : [JSON.stringify(problem)]));
}

function sizeProblems() {
  const known = Object.keys(budget.packages);
  const found = known.filter((name) => !(name in sizes)).map((name) => `${name}: it has a budget and no tarball: run pnpm run pack:check --update`);
  for (const [name, own] of Object.entries(sizes)) {
    const granted = budget.packages[name];
    if (granted === undefined) found.push(`${name}: it has no budget: run pnpm run pack:check --update`);
    else {
      for (const [kind, bytes] of Object.entries(own)) {
        const most = Math.round(granted[kind] * (1 + budget.growthPercent / 100));
        if (bytes > most) found.push(`${name}: ${kind} is ${bytes}, ${most} at most: take something out, or say in size-budget.json that it is worth it (pnpm run pack:check --update)`);
      }
    }
  }
  return found;
}
