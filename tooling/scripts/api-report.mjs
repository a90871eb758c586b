// The public API of each package, as `packages/*/etc/*.api.md` say it, against what the build has found (`.cache/api`). Where a report
// isn't what the last release had (`api-released.json`), a changeset must announce the package, with `minor` at least.
// `--update` takes over what the build has found, `--release` notes the reports as those of a release, `--root <folder>` is for tests.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const flags = process.argv.slice(2);
const root = flags.includes("--root") ? flags[flags.indexOf("--root") + 1] : fileURLToPath(new URL("../../", import.meta.url));
const releasedFile = join(root, "api-released.json");
const read = (path) => readFileSync(join(root, path), "utf8");
const isUpdate = flags.includes("--update");
const isRelease = flags.includes("--release");
const problems = [];

const packages = globSync("packages/*/package.json", { cwd: root }).sort().map((path) => ({ folder: dirname(path), manifest: JSON.parse(read(path)) }));
/** @type {Record<string, string>} */
const found = {};
for (const { folder, manifest } of packages) {
  const entries = Object.values(manifest.exports).filter((target) => typeof target === "object");
  if (entries.length === 0) continue;
  if (!isRelease) compare(folder, manifest, entries.length);
  const reports = globSync("etc/*.api.md", { cwd: join(root, folder) }).sort();
  found[manifest.name] = createHash("sha256").update(reports.map((path) => `${path}\n${read(join(folder, path))}`).join("\n")).digest("hex");
}

if (isRelease) writeFileSync(releasedFile, `${JSON.stringify(found, undefined, 2)}\n`);
const released = JSON.parse(readFileSync(releasedFile, "utf8"));
const announced = announcements();
for (const [name, hash] of Object.entries(found)) {
  if (released[name] === hash || announced.get(name)?.some((bump) => bump !== "patch") === true) continue;
  const said = announced.has(name) ? "only a patch is announced" : "no changeset says so";
  problems.push(`the public API of ${name} is not that of the last release, and ${said}: run pnpm changeset, and choose minor or major`);
}
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log(`${Object.keys(found).length} packages export what their reports say`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** The reports of a package with what the build has found. */
function compare(folder, manifest, entryCount) {
  const built = globSync(".cache/api/*.api.md", { cwd: join(root, folder) });
  if (built.length !== entryCount) {
    problems.push(`${manifest.name} is not built: run pnpm run build`);
    return;
  }
  for (const path of built) {
    const report = read(join(folder, path));
    const target = join(folder, "etc", basename(path));
    if (isUpdate) {
      mkdirSync(join(root, folder, "etc"), { recursive: true });
      writeFileSync(join(root, target), report);
    } else if (!existsSync(join(root, target))) problems.push(`${target} is missing: run pnpm run api:update`);
    else if (read(target) !== report) problems.push(`${target} is not what ${manifest.name} exports now (line ${firstDifference(read(target), report)}): where you meant to change it, run pnpm run api:update and say so in a changeset`);
  }
  for (const path of globSync("etc/*.api.md", { cwd: join(root, folder) })) {
    if (built.some((one) => basename(one) === basename(path))) continue;
    if (isUpdate) rmSync(join(root, folder, path));
    else problems.push(`${join(folder, path)} is of no entry: run pnpm run api:update`);
  }
}

/** Which bumps the changesets announce, by package. */
function announcements() {
  /** @type {Map<string, string[]>} */
  const bumps = new Map();
  for (const name of readdirSync(join(root, ".changeset"))) {
    if (!name.endsWith(".md") || name === "README.md") continue;
    const [, head = ""] = /^---\n(.*?)^---$/ms.exec(read(join(".changeset", name))) ?? [];
    for (const [, packageName, bump] of head.matchAll(/^["']?([^"':\n]+)["']?: (\w+)$/gm)) bumps.set(packageName, [...(bumps.get(packageName) ?? []), bump]);
  }
  return bumps;
}

function firstDifference(before, after) {
  const lines = after.split("\n");
  const index = before.split("\n").findIndex((line, at) => line !== lines[at]);
  return index < 0 ? lines.length : index + 1;
}
