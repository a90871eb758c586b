import type { CommandDefinition } from "./command.ts";
import type { Setting } from "./setting.ts";
import { callSettings, streamSettings } from "./settings.ts";

// What help, completion and the parser know of the commands. What a command does is loaded when it runs.

function define<Given extends Readonly<Record<string, Setting>>>(definition: CommandDefinition<Given>): CommandDefinition {
  return definition;
}

const argumentsHelp = `
Arguments:
  key=value   true, false, null and numbers as JSON has them (1, -2.5, 1e3) are
              taken as such, all else is a text: x=1,2 and x=010 and x=t
  key:=JSON   any JSON: ids:='[1,2]' name:='"010"'
  a.b=value   an object in an object
  -           reads the arguments as JSON from standard input
Without any, the arguments are {}.
`;

/** Every command, in the order of the help. */
export const commands: readonly CommandDefinition[] = [
  define({
    name: "call",
    operands: "<task> [arguments...]",
    about: "ask for a task and print its result",
    details: argumentsHelp,
    settings: callSettings,
    takesTask: true,
    run: async (invocation) => (await import("./call.ts")).call(invocation),
  }),
  define({
    name: "stream",
    operands: "<url>",
    about: "copy a stream to standard output or into a file",
    details: "",
    settings: streamSettings,
    takesTask: false,
    run: async (invocation) => (await import("./stream.ts")).readStream(invocation),
  }),
];
