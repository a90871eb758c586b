// Runs every check, one after another, and stops at the first that fails.
// The last line on standard output is always `N passed, N failed` with an optional `, N skipped`.
// Needs pnpm in PATH: start it through `npm test`, or `pnpm run check`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const summary = join(root, ".cache", "test-summary.txt");
const turbo = ["exec", "turbo", "run", "--output-logs=errors-only"];
const steps = {
  install: ["install", "--frozen-lockfile"],
  "build, lint, typecheck": [...turbo, "build", "//#lint", "//#typecheck"], // side by side
  "lint:deps": ["run", "lint:deps"],
  api: ["run", "api"],
  "built:check": ["run", "built:check"],
  "pack:check": ["run", "pack:check"],
  docs: [...turbo, "//#docs:build"],
  test: ["run", "test:coverage"],
  "test:stranger": ["run", "test:stranger"],
};

rmSync(summary, { force: true });
mkdirSync(join(root, ".cache"), { recursive: true });
let failed = false;
for (const [name, args] of Object.entries(steps)) {
  console.log(`\n> ${name}`);
  const started = performance.now();
  const { status } = spawnSync("pnpm", args, {
    cwd: root,
    env: { ...process.env, ACOMM_TEST_SUMMARY: summary, TURBO_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  failed = status !== 0;
  console.log(`${failed ? "FAILED" : "ok"} ${name} ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (failed) break;
}

process.exitCode = failed ? 1 : 0;
console.log(`\n${readSummary()}`);

/** What the test reporter wrote; nothing is there when an earlier step, or vitest's own start, failed. */
function readSummary() {
  try {
    return readFileSync(summary, "utf8").trim();
  } catch {
    process.exitCode = 1;
    return "0 passed, 1 failed";
  }
}
