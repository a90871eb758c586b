import type { Output } from "./output.ts";

/** Shows the progress of a task on standard error. */
export interface ProgressWatch {
  readonly take: (value: unknown) => void;
  readonly stop: () => void;
}

/** A line that is written over on a terminal, a line of JSON for each progress elsewhere: `{"progress":…}`. */
export async function watchProgress(output: Output): Promise<ProgressWatch> {
  if (!output.isNotesTerminal || output.format === "json") {
    return { take: (value) => { output.note(JSON.stringify({ progress: value })); }, stop: () => undefined };
  }
  const { describeProgress, startProgressLine } = await import("./progress.ts");
  const line = startProgressLine(process.stderr);
  return { take: (value) => { line.update(describeProgress(value, process.stderr.columns)); }, stop: () => { line.stop(); } };
}
