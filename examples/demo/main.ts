/** The demo: a coordinator and two providers, a process each, called from the command line, from a program and over HTTP. Run it with `npm start`. */
import { Tracker } from "acomm";
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDemo } from "./demo.ts";
import { askFromAProgram, askOnTheCommandLine } from "./inside.ts";
import { askFromOutside } from "./over-http.ts";
import { Programs } from "./programs.ts";
import { killOne, tryWhatIsRefused } from "./trouble.ts";

const directory = await mkdtemp(join(tmpdir(), "acomm-demo-"));
const socketDir = join(directory, "sockets");
const programs = new Programs({ ACOMM_SOCKET_DIR: socketDir, DEMO_DIRECTORY: directory });
const tracker = new Tracker();
await tracker.start();
let problems: string[] = [];
process.once("SIGINT", () => { problems.push("interrupted"); });

try {
  const { http: door } = await programs.start("coordinator", ["coordinator", "--http", "0"]);
  assert.ok(door);
  const module = fileURLToPath(new URL("machine-provider.ts", import.meta.url));
  for (const name of ["left", "right"]) await programs.start(name, ["provider", module], { DEMO_PROVIDER: name });
  const demo = createDemo({ programs, tracker, socketDir, door });

  await askOnTheCommandLine(demo);
  await askFromAProgram(demo);
  const stream = await askFromOutside(demo);
  await killOne(demo);
  await tryWhatIsRefused(demo, stream);
  console.log("\nchecked: every way gives the same answers, the stream arrived with the same sha256, the calls of a provider");
  console.log("that was killed had an outcome each, the other one took over, and what must be refused is refused");
} catch (error) {
  problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await tracker.stop({ graceMs: 1000 });
  problems = [...problems, ...(await programs.stop())];
  for (const file of await readdir(socketDir, { recursive: true })) if (file.endsWith(".sock") && !file.endsWith("left.sock")) problems.push(`${file} is left in ${socketDir}`);
  await rm(directory, { recursive: true, force: true });
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
} else {
  console.log("coordinator and provider ended in order, and no socket of theirs is left");
}
