import type { Interrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";
import type { Setting } from "./setting.ts";
import type { ValuesOf } from "./settings.ts";

type Settings = Readonly<Record<string, Setting>>;

/** What a command gets when it runs. */
export interface Invocation<Given extends Settings = Settings> {
  /** The arguments that are no options. */
  readonly operands: readonly string[];
  readonly settings: ValuesOf<Given>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  readonly interrupts: Interrupts;
}

/** One command, as help, completion and the parser know it. */
export interface CommandDefinition<Given extends Settings = Settings> {
  readonly name: string;
  /** Its operands: `<task> [arguments...]`. */
  readonly operands: string;
  /** One line of help. */
  readonly about: string;
  /** What stands below the options in its help. */
  readonly details: string;
  readonly settings: Given;
  /** Whether its first operand is a task. */
  readonly takesTask: boolean;
  /** Runs it. @returns the exit code */
  run(invocation: Invocation<Given>): Promise<number>;
}
