import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string };

// who reads the output may leave early, as `head` does
process.stdout.on("error", (error: NodeJS.ErrnoException) => { process.exit(error.code === "EPIPE" ? undefined : 1); });

const [first, ...rest] = process.argv.slice(2);
if ((first === "--version" || first === "-V") && rest.length === 0) {
  console.log(version); // as the parser would, in half of its time
} else if (first === "complete" && rest[0] === "--") {
  const { complete } = await import("./complete.ts"); // a shell asks at every press of a key: no parser is needed
  for (const word of await complete(rest.slice(1), process.env)) console.log(word);
} else {
  const { runProgram } = await import("./program.ts");
  process.exit(await runProgram(process.argv.slice(2), process.env, version));
}
