import type { Output } from "./output.ts";

const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l"; // the other screen of the terminal, without a cursor, where long lines are cut
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";

/** The whole terminal, written over with every look; what stood there before comes back at the end. */
export class Screen {
  readonly #output: Output;
  readonly #onKey: (key: Buffer) => void;
  readonly #restore = (): void => { this.close(); };
  readonly #onResize = (): void => { this.show(this.#text); };
  #text = "";
  #isOpen = true;

  /** @param onQuit runs when somebody presses q */
  constructor(output: Output, onQuit: () => void) {
    this.#output = output;
    this.#onKey = (key) => {
      const pressed = key.toString();
      if (pressed === "q") onQuit();
      if (pressed === "\u0003") process.kill(process.pid, "SIGINT"); // nobody but us hears of ^C while keys come one by one
    };
    if (process.stdin.isTTY) process.stdin.setRawMode(true).on("data", this.#onKey);
    process.stdout.on("resize", this.#onResize);
    process.once("exit", this.#restore); // a second signal leaves without asking
    output.raw(enter);
  }

  show(text: string): void {
    if (!this.#isOpen) return;
    this.#text = text;
    const { rows, paint } = this.#output;
    const lines = text.split("\n");
    const shown = lines.length < rows ? lines : [...lines.slice(0, rows - 2), paint("dim", `and ${lines.length - rows + 2} lines more`)];
    const foot = `${"\n".repeat(Math.max(rows - shown.length - 1, 0))}${paint("dim", "q leaves")}`;
    this.#output.raw(`${home}${`${shown.join("\n")}\n`.replaceAll("\n", `${clearLine}\n`)}${clearBelow}${foot.replaceAll("\n", `${clearLine}\n`)}`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.#restore);
    process.stdout.off("resize", this.#onResize);
    if (process.stdin.isTTY) process.stdin.off("data", this.#onKey).setRawMode(false).pause();
    this.#output.raw(leave);
  }
}
