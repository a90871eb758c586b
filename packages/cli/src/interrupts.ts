import { constants } from "node:os";

/**
 * SIGINT and SIGTERM while a command runs: the first asks it to end in order, the second ends the process at once.
 */
export class Interrupts {
  readonly #controller = new AbortController();
  #signalName: NodeJS.Signals | undefined;

  constructor() {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => { this.#interrupt(name); });
  }

  /** Aborts with the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** With what to exit once a signal came, as shells count: 130 for SIGINT, 143 for SIGTERM. */
  get exitCode(): number | undefined {
    return this.#signalName === undefined ? undefined : 128 + constants.signals[this.#signalName];
  }

  #interrupt(name: NodeJS.Signals): void {
    if (this.#signalName !== undefined) process.exit(128 + constants.signals[name]);
    this.#signalName = name;
    this.#controller.abort(new Error(`interrupted by ${name}`));
  }
}
