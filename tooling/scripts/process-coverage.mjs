// The lines of a package that its tests run, where these start processes of their own, which vitest's coverage doesn't see:
// `process-coverage.mjs <package>`. Lines without code, such as those of types, count as run with what is around them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [name = "cli"] = process.argv.slice(2);
const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "packages", name, "src");
const directory = mkdtempSync(join(tmpdir(), "acomm-coverage-"));
const { status } = spawnSync(process.execPath, [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--project", name], { cwd: root, env: { ...process.env, NODE_V8_COVERAGE: directory }, stdio: "inherit" });

/** Which characters of a file were run by any process. */
const ran = new Map();
for (const file of readdirSync(directory)) {
  for (const { url, functions } of JSON.parse(readFileSync(join(directory, file), "utf8")).result) {
    if (!url.startsWith(`${pathToFileURL(source).href}/`)) continue;
    const path = fileURLToPath(url.split("?")[0]);
    const marks = ran.get(path) ?? new Uint8Array(readFileSync(path, "utf8").length);
    const own = new Uint8Array(marks.length);
    // from the outside to the inside: what is inside says more
    const ranges = functions.flatMap((one) => one.ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
    for (const { startOffset, endOffset, count } of ranges) own.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    for (let at = 0; at < own.length; at += 1) marks[at] |= own[at] ?? 0;
    ran.set(path, marks);
  }
}
rmSync(directory, { recursive: true });

let lines = 0;
let covered = 0;
for (const file of readdirSync(source).filter((one) => one.endsWith(".ts") && !one.endsWith(".test.ts"))) {
  const path = join(source, file);
  const marks = ran.get(path);
  let own = 0;
  let ownCovered = 0;
  let at = 0;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const start = at + line.length - line.trimStart().length;
    if (/[^\s{}()[\];,*/]/.test(line) && !line.trimStart().startsWith("//") && !line.trimStart().startsWith("*")) {
      own += 1;
      if (marks?.[start] === 1) ownCovered += 1;
    }
    at += line.length + 1;
  }
  lines += own;
  covered += ownCovered;
  console.log(`${file.padEnd(32)} ${((100 * ownCovered) / Math.max(own, 1)).toFixed(1).padStart(6)} %`);
}
console.log(`${name}: ${((100 * covered) / lines).toFixed(1)} % of ${lines} lines`);
process.exitCode = status === 0 ? 0 : 1;
