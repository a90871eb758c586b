/** The other side of a `MeasuredProcess`: answers its questions, one line of JSON each. */
import { createInterface } from "node:readline";
import { usage } from "./usage.ts";

/**
 * Says that this process is ready, and answers each question with what the function of its name gives, or with the error that
 * it throws; `usage` is answered for everyone. The end of the input ends the process.
 */
export function answer(answers: Readonly<Record<string, (details: never) => unknown>>): void {
  const all = new Map<string, (details: never) => unknown>(Object.entries({ usage, ...answers }));
  const reply = async (line: string): Promise<unknown> => {
    const { ask, ...details } = JSON.parse(line) as { readonly ask: string };
    const find = all.get(ask);
    if (find === undefined) throw new Error(`no such question: ${ask}; there are: ${[...all.keys()].join(", ")}`);
    return find(details as never);
  };
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      reply(line)
        .catch((error: unknown) => ({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
        .then((found) => process.stdout.write(`${JSON.stringify(found ?? {})}\n`), () => process.exit(1));
    })
    .on("close", () => process.exit());
  process.stdout.write("ready\n");
}
