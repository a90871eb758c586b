import { styleText } from "node:util";
import type { WriteStream } from "node:tty";

/** How results are written: `table` for people, `json` for programs, one line each. */
export type OutputFormat = "table" | "json";

type Style = Parameters<typeof styleText>[0];

/** What would move the cursor, change colours or turn the direction of writing, if a peer's text were printed as it came. */
// eslint-disable-next-line no-control-regex -- these are what it is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text of somebody else, made fit for a terminal: what is not to be seen is written as an escape. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Where a command writes: results to standard output, all else to standard error. */
export class Output {
  readonly format: OutputFormat;
  readonly #stdout: WriteStream;
  readonly #stderr: WriteStream;

  /** @param format `auto` is a table on a terminal and JSON lines elsewhere */
  constructor(format: OutputFormat | "auto", streams: { readonly stdout: WriteStream; readonly stderr: WriteStream } = process) {
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.format = format === "auto" ? (streams.stdout.isTTY ? "table" : "json") : format;
  }

  /** How wide a line of results may be. */
  get columns(): number {
    return this.#stdout.isTTY ? this.#stdout.columns : 80;
  }

  get rows(): number {
    return this.#stdout.isTTY ? this.#stdout.rows : 24;
  }

  /** Whether results go to a terminal, which can be written over. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY;
  }

  /** Whether notes go to a terminal. */
  get isNotesTerminal(): boolean {
    return this.#stderr.isTTY;
  }

  /** One result as a line of JSON. */
  json(value: unknown): void {
    this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Text for standard output. */
  text(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  /** Bytes for standard output, such as those that move its cursor. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Something that is not the result: a hint, a progress, an error. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Colours a part of a result, where standard output shows colours. */
  readonly paint = (style: Style, text: string): string => styleText(style, text, { stream: this.#stdout });

  /** Colours a part of a note, where standard error shows colours. */
  readonly paintNote = (style: Style, text: string): string => styleText(style, text, { stream: this.#stderr });
}
