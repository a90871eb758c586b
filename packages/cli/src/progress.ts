import { SingleBar } from "cli-progress";
import { formatBytes } from "./byte-size.ts";
import { formatDuration } from "./duration.ts";
import { printable } from "./output.ts";

/** A line on a terminal that is written over as something goes on, and is gone when it is done. */
export interface ProgressLine {
  update(text: string): void;
  stop(): void;
}

const barWidth = 24;

/** @param stream a terminal */
export function startProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  const bar = new SingleBar({ stream, fps: 10, clearOnComplete: true, hideCursor: true, linewrap: false, gracefulExit: false, format: (_options, _params, payload: { readonly text?: string }) => payload.text ?? "" });
  bar.start(1, 0, { text: "" });
  const showCursor = (): void => { bar.stop(); };
  process.once("exit", showCursor); // a second signal leaves without asking
  return {
    update(text) {
      bar.update({ text });
    },
    stop() {
      process.off("exit", showCursor);
      bar.stop();
    },
  };
}

/** How far bytes are: `disk.img  [████░░] 40 %  1.2 GiB of 3.0 GiB  310 MiB/s  4s`. */
export function describeBytes(name: string, bytes: number, totalBytes: number | undefined, elapsedMs: number): string {
  const rate = `${formatBytes((bytes / Math.max(elapsedMs, 1)) * 1000)}/s`;
  const elapsed = formatDuration(Math.round(elapsedMs / 1000) * 1000);
  if (totalBytes === undefined || totalBytes === 0) return `${name}  ${formatBytes(bytes)}  ${rate}  ${elapsed}`;
  return `${name}  ${drawBar(bytes / totalBytes)}  ${formatBytes(bytes)} of ${formatBytes(totalBytes)}  ${rate}  ${elapsed}`;
}

/**
 * What a task told of its progress: a bar for a number from 0 to 1, and for an object with `done` and `total`; else the
 * value as JSON.
 */
export function describeProgress(value: unknown, columns: number): string {
  const { done, total, ...rest } = (typeof value === "object" && value !== null ? value : { done: value, total: 1 }) as Record<string, unknown>;
  const isCounted = typeof done === "number" && typeof total === "number" && total > 0 && done >= 0 && done <= total;
  if (!isCounted) return cut(printable(JSON.stringify(value)), columns);
  const [note] = Object.values(rest).filter((one) => typeof one === "string");
  const count = total === 1 ? "" : `  ${done} of ${total}`;
  return cut(`${drawBar(done / total)}${count}${note === undefined ? "" : `  ${printable(note)}`}`, columns);
}

function drawBar(part: number): string {
  const full = Math.round(Math.min(part, 1) * barWidth);
  return `[${"█".repeat(full)}${"░".repeat(barWidth - full)}] ${String(Math.floor(Math.min(part, 1) * 100)).padStart(3)} %`;
}

function cut(text: string, columns: number): string {
  return text.length < columns ? text : `${text.slice(0, Math.max(columns - 2, 0))}…`;
}
