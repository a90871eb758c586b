/** The child's side of a `Worker`: answers its questions, one line of JSON each. */
import { createInterface } from "node:readline";
import type { Usage } from "./worker.ts";

/** Answers each question with what the function of its name gives; `usage` is answered for everyone. */
export function answer(answers: Readonly<Record<string, (details: never) => unknown>>): void {
  const all = new Map<string, (details: never) => unknown>(Object.entries({ ...answers, usage }));
  const reply = async (line: string): Promise<unknown> => {
    const { ask, ...details } = JSON.parse(line) as { readonly ask: string };
    const find = all.get(ask);
    if (find === undefined) throw new Error(`no such question: ${ask}`);
    return find(details as never);
  };
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      reply(line)
        .catch((error: unknown) => ({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
        .then((found) => process.stdout.write(`${JSON.stringify(found ?? {})}\n`), () => process.exit(1));
    })
    .on("close", () => process.exit());
}

function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1024 };
}
