import { styleText } from "node:util";

const { stdout } = process;
const hasColours = stdout.isTTY && stdout.hasColors();

/** Prints a heading of a section. */
export function heading(text: string): void {
  console.log(`\n${hasColours ? styleText("bold", text) : text}`);
}

/** Prints pairs of a name and a value. */
export function list(pairs: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...pairs.map(([name]) => name.length));
  for (const [name, value] of pairs) console.log(`  ${name.padEnd(width)}  ${value}`);
}

/** Prints a command and what it said. */
export function print(command: string, output: string): void {
  console.log(`  ${command}\n${output.trimEnd().replace(/^/gm, "  ")}\n`);
}

/** Prints how far something is: over and over in one line on a terminal, else a line for each quarter. */
export function createProgress(totalBytes: number): (doneBytes: number) => void {
  let shown = 0;
  return (doneBytes) => {
    const percent = Math.floor((100 * doneBytes) / totalBytes);
    const step = stdout.isTTY ? 1 : 25;
    if (percent < shown + step) return;
    shown = percent - (percent % step);
    const line = `  ${String(shown).padStart(3)} %  ${size(doneBytes)} of ${size(totalBytes)}`;
    if (!stdout.isTTY) console.log(line);
    else stdout.write(`\r${line}${shown === 100 ? "\n" : ""}`);
  };
}

/** A number of bytes in MiB or GiB. */
export function size(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1024 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
