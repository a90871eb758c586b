import { createInterface } from "node:readline";

/** Answers each line of JSON on standard input with one on standard output; the end of the input ends the process. */
export function answerLines<Question>(answer: (question: Question) => unknown): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    void Promise.resolve(answer(JSON.parse(line) as Question)).then((value) => process.stdout.write(`${JSON.stringify(value)}\n`));
  });
  lines.on("close", () => process.exit());
  process.stdout.write("ready\n");
}
