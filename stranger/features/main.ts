// Tries every feature in the runtime that runs this: a line of JSON for each, with what went wrong.
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calls } from "./calls.ts";
import { http } from "./http.ts";
import { nats } from "./nats.ts";
import { processes } from "./processes.ts";
import { streams } from "./streams.ts";

const withinMs = 15_000;
const [only] = process.argv.slice(2);
for (const [name, attempt] of Object.entries({ ...calls, ...streams, ...http, ...processes, ...nats })) {
  if (only !== undefined && !name.includes(only)) continue;
  const directory = await realpath(await mkdtemp(join(tmpdir(), "acomm-feature-")));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error(`not done within ${withinMs} ms`)); }, withinMs); });
  const problem = await Promise.race([attempt(directory), late]).then(() => null, (error: unknown) => (error instanceof Error ? error.message : String(error)));
  clearTimeout(timer);
  console.log(JSON.stringify({ name, problem }));
  await rm(directory, { recursive: true, force: true });
}
process.exit(); // a feature that failed may have left something open
