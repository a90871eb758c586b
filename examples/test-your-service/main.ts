/** Runs the tests that are written for Node's own runner; those for vitest are run by it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const { NODE_TEST_CONTEXT: _, ...env } = process.env;
const printed = execFileSync(process.execPath, [...process.execArgv, "--test", "--test-reporter=tap", join(import.meta.dirname, "faults.node.ts")], { encoding: "utf8", env });
assert.match(printed, /^# pass 5$/m);
assert.match(printed, /^# fail 0$/m);
for (const [, name] of printed.matchAll(/^ *ok \d+ - (.*)$/gm)) console.log("passed:", name);
