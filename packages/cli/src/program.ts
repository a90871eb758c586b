import { Command, CommanderError, Option } from "commander";
import type { CommandDefinition } from "./command.ts";
import { commands } from "./commands.ts";
import { readConfigFile } from "./config-file.ts";
import { exitCodeOf, exitCodes, isAcommError } from "./exit-codes.ts";
import { Interrupts } from "./interrupts.ts";
import { Output, printable } from "./output.ts";
import { keyOf, resolveSettings } from "./setting.ts";
import type { Setting } from "./setting.ts";
import { commonSettings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that a configuration file may say: it serves all commands. */
const knownKeys: ReadonlySet<string> = new Set([...commands.flatMap(({ settings }) => Object.values(settings)), commonSettings.output].map(keyOf));

const generalHelp = `
Every option can also be given as a variable (ACOMM_SOCKET_DIR for --socket-dir)
and in the configuration file ({"socketDir": …}); an option wins over a variable,
a variable over the file.

Exit codes: 0 there is a result; 1 the task failed; 2 wrong usage or settings;
3 timeout; 4 nobody is there or takes it, it did not run; 130 interrupted.
`;

const optionsHelp = "\nDurations: 500ms, 30s, 2m, 1.5h or plain milliseconds.\n";

/** Reads the command line and runs what it asks for. @returns the exit code; never rejects */
export async function runProgram(args: readonly string[], environment: Environment, version: string): Promise<number> {
  let exitCode = exitCodes.result;
  const program = createProgram(version, async (definition, operands, flags) => { exitCode = await runCommand(definition, operands, flags, environment); });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.result : exitCodes.usage; // it has said what is wrong
  }
}

type Run = (definition: CommandDefinition, operands: readonly string[], flags: Readonly<Record<string, unknown>>) => Promise<void>;

/** The parser, as it knows the commands. */
function createProgram(version: string, run: Run): Command {
  const program = new Command("acomm")
    .description("Serve, call, look at and measure acomm tasks.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help, also of a command: acomm call --help")
    .helpCommand(false)
    .addHelpText("after", generalHelp)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => { write(`acomm: ${text.replace(/^error: /, "")}`); } });
  for (const definition of commands) {
    const { name, operands, about, details, settings } = definition;
    const command = program.command(`${name} ${operands}`).description(about).showHelpAfterError(`see acomm ${name} --help`).helpOption("-h, --help", "print this help").addHelpText("after", `${details}${optionsHelp}`);
    for (const setting of Object.values({ ...settings, ...commonSettings })) command.addOption(optionOf(setting));
    command.action(async () => { await run(definition, command.processedArgs.flat().filter((one) => one !== undefined) as string[], command.opts()); });
  }
  return program;
}

function optionOf(setting: Setting): Option {
  const option = new Option(setting.flags, setting.about);
  if (setting.isList) option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  return option;
}

async function runCommand(definition: CommandDefinition, operands: readonly string[], flags: Readonly<Record<string, unknown>>, environment: Environment): Promise<number> {
  const interrupts = new Interrupts();
  let output = new Output("table");
  try {
    const { config } = await resolveSettings({ config: commonSettings.config }, { flags, environment, file: undefined });
    const file = await readConfigFile(config, environment, knownKeys);
    const settings = await resolveSettings({ ...definition.settings, ...commonSettings }, { flags, environment, file });
    if (settings.output === "json") output = new Output("json");
    return await definition.run({ operands, settings, environment, output: new Output(settings.output), interrupts });
  } catch (error) {
    // what fails once a signal came failed because of it
    if (interrupts.exitCode !== undefined) return interrupts.exitCode;
    writeError(error, output);
    return exitCodeOf(error);
  }
}

/** Writes an error for people, or as a line of JSON where JSON was asked for by name. */
function writeError(error: unknown, output: Output): void {
  const { message, code, details, retryable, causes } = describeError(error);
  if (output.format === "json") {
    output.note(JSON.stringify({ error: { code, message, retryable, details, causes: causes.length === 0 ? undefined : causes } }));
    return;
  }
  output.note(`${output.paintNote("red", "acomm:")} ${code === undefined || code === "usage" || code === "remote" ? "" : `${code}: `}${printable(message)}`);
  for (const cause of causes) output.note(`  because of ${printable(cause)}`);
  if (details !== undefined) output.note(`  details: ${printable(JSON.stringify(details))}`);
}

interface ErrorDescription {
  readonly code: string | undefined;
  readonly message: string;
  readonly retryable: boolean | undefined;
  readonly details: unknown;
  readonly causes: readonly string[];
}

function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { code: undefined, message: String(error), retryable: undefined, details: undefined, causes: [] };
  const { message } = error;
  if (!isAcommError(error)) return { code: error instanceof UsageError ? "usage" : undefined, message, retryable: undefined, details: undefined, causes: [] };
  const { code, retryable, details } = error;
  const causes: string[] = [];
  for (let below = error.cause; isAcommError(below) && causes.length < 8; below = below.cause) causes.push(below.message);
  return { code, message, retryable, details, causes };
}
