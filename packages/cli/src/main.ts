import { readFileSync } from "node:fs";
import { runProgram } from "./program.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string };

// who reads the output may leave early, as `head` does
process.stdout.on("error", (error: NodeJS.ErrnoException) => { process.exit(error.code === "EPIPE" ? undefined : 1); });

const exitCode = await runProgram(process.argv.slice(2), process.env, version);
process.exit(exitCode);
