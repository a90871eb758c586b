import type { Interrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";
import type { SettingsFor } from "./setting.ts";
import type { CommonValues } from "./settings.ts";

/** What a command gets when it runs. */
export interface Invocation<Values = object> {
  /** The arguments that are no options. */
  readonly operands: readonly string[];
  readonly settings: Values & CommonValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  readonly interrupts: Interrupts;
}

/** One command, as help, completion and the parser know it. */
export interface CommandDefinition<Values = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** Its operands: `<task> [arguments...]`. */
  readonly operands: string;
  /** One line of help. */
  readonly about: string;
  /** What stands below the options in its help. */
  readonly details: string;
  readonly settings: SettingsFor<Values>;
  /** Whether its first operand is a task. */
  readonly takesTask: boolean;
  /** Runs it. @returns the exit code */
  run(invocation: Invocation<Values>): Promise<number>;
}
