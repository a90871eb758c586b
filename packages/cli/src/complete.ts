import { commands } from "./commands.ts";
import type { CommandDefinition } from "./command.ts";
import { shells } from "./completion.ts";
import { environmentNameOf, keyOf } from "./setting.ts";
import type { Setting } from "./setting.ts";
import { commonSettings } from "./settings.ts";
import { usualSocketDirectory } from "./socket-directory.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What may stand in the place of the last word, as far as it is written.
 *
 * @param words what follows `acomm`
 */
export async function complete(words: readonly string[], environment: Environment): Promise<string[]> {
  const before = words.slice(0, -1);
  const begun = words.at(-1) ?? "";
  return (await candidates(before, begun, environment)).filter((one) => one.startsWith(begun));
}

async function candidates(before: readonly string[], begun: string, environment: Environment): Promise<readonly string[]> {
  const [name, ...rest] = before;
  if (name === undefined) return begun.startsWith("-") ? ["--help", "--version"] : commands.map((one) => one.name);
  const command = commands.find((one) => one.name === name);
  if (command === undefined) return [];
  const settings = Object.values({ ...command.settings, ...commonSettings });
  const { flags, operands } = split(rest, settings);
  const last = settings.find((setting) => namesOf(setting).includes(before.at(-1) ?? ""));
  if (last !== undefined && takesValue(last)) return last === commonSettings.output ? ["auto", "table", "json"] : [];
  if (begun.startsWith("-")) return [...settings.map((setting) => namesOf(setting).at(-1) ?? ""), "--help"];
  if (command.name === "completion") return operands.length === 0 ? shells : [];
  return command.takesTask && operands.length === 0 ? tasksOf(command, flags, environment) : [];
}

/** The tasks in the socket directory that the words and the environment name. */
async function tasksOf(command: CommandDefinition, flags: ReadonlyMap<string, string>, environment: Environment): Promise<string[]> {
  const { readSocketDirectory } = await import("./directory-listing.ts");
  const setting = command.settings["socketDir"];
  const chosen = setting === undefined ? undefined : (flags.get(keyOf(setting)) ?? environment[environmentNameOf(setting)]);
  try {
    const { providers } = await readSocketDirectory(chosen ?? usualSocketDirectory(environment, process.getuid?.() ?? 0));
    return [...new Set(providers.map(({ task }) => task))];
  } catch {
    return []; // where there is no directory there are no tasks
  }
}

function split(words: readonly string[], settings: readonly Setting[]): { readonly flags: ReadonlyMap<string, string>; readonly operands: readonly string[] } {
  const flags = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const setting = settings.find((one) => namesOf(one).includes(word));
    if (setting !== undefined && takesValue(setting)) {
      at += 1;
      flags.set(keyOf(setting), words[at] ?? "");
    } else if (!word.startsWith("-")) {
      operands.push(word);
    }
  }
  return { flags, operands };
}

function namesOf(setting: Setting): string[] {
  return setting.flags.replace(/ <.*/, "").split(", ");
}

function takesValue(setting: Setting): boolean {
  return setting.flags.includes("<");
}
