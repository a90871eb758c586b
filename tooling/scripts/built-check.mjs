// Runs every example on what was built, as a program runs that has installed the packages; the tests run them on the sources.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));
const hasNats = spawnSync("nats-server", ["--version"]).error === undefined;
let failed = 0;
for (const name of readdirSync(examples).sort()) {
  const program = join(examples, name, "main.ts");
  if (!existsSync(program) || name === "demo") continue; // `npm start` runs the demo on what was built
  if (name === "nats" && !hasNats) continue;
  const started = performance.now();
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", program], { encoding: "utf8", timeout: 60_000 });
  const isFine = status === 0 && stderr === "";
  if (!isFine) failed += 1;
  console.log(`${isFine ? "ok" : "FAILED"} ${name} ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (!isFine) console.error(`${stdout}${stderr}${signal ?? ""}`);
}
process.exitCode = failed > 0 ? 1 : 0;
