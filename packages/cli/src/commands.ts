import type { CommandDefinition } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { benchSettings, callSettings, coordinatorSettings, describeSettings, listSettings, providerSettings, streamSettings, topSettings } from "./settings.ts";

// What help, completion and the parser know of the commands. What a command does is loaded when it runs.

function define<Values>(definition: CommandDefinition<Values>): CommandDefinition {
  return definition as unknown as CommandDefinition;
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

const serverHelp = `
When it is ready it prints a line of JSON with its places. SIGTERM or SIGINT
ends it when what is under way is done, or after --grace; a second one at once.
`;

const providerHelp = `
The module exports the provider by default or as provider, or a function that
makes it and gets { socketDir, network }, the network of --nats or undefined:
(place) => new Provider({ ...place, name: "disks" }).task(...). The directory is
in ACOMM_SOCKET_DIR as well.
`;

/** Every command, in the order of the help. */
export const commands: readonly CommandDefinition[] = [
  define({
    name: "coordinator",
    operands: "",
    about: "serve the door through which tasks are called",
    details: serverHelp,
    settings: coordinatorSettings,
    takesTask: false,
    run: async (invocation) => (await import("./coordinator.ts")).runCoordinator(invocation),
  }),
  define({
    name: "provider",
    operands: "<module>",
    about: "serve the tasks of the provider that a module exports",
    details: providerHelp + serverHelp,
    settings: providerSettings,
    takesTask: false,
    run: async (invocation) => (await import("./provider.ts")).runProvider(invocation),
  }),
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
    name: "ls",
    operands: "",
    about: "list the tasks, providers and coordinators that are there",
    details: "",
    settings: listSettings,
    takesTask: false,
    run: async (invocation) => (await import("./ls.ts")).listServices(invocation),
  }),
  define({
    name: "describe",
    operands: "[task]",
    about: "tell what a task takes and gives, or what the coordinator serves",
    details: "",
    settings: describeSettings,
    takesTask: true,
    run: async (invocation) => (await import("./describe.ts")).describe(invocation),
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
  define({
    name: "bench",
    operands: "<task> [arguments...]",
    about: "call a task again and again and measure it",
    details: argumentsHelp,
    settings: benchSettings,
    takesTask: true,
    run: async (invocation) => (await import("./bench.ts")).bench(invocation),
  }),
  define({
    name: "top",
    operands: "",
    about: "watch what the coordinator does: rate, latency, errors",
    details: "\nOn a terminal q leaves.\n",
    settings: topSettings,
    takesTask: false,
    run: async (invocation) => (await import("./top.ts")).top(invocation),
  }),
  define({
    name: "completion",
    operands: "<shell>",
    about: "print the script that completes words in bash, zsh or fish",
    details: "\nFor bash, in ~/.bashrc: source <(acomm completion bash)\n",
    settings: {},
    takesTask: false,
    run: async ({ operands, output }) => {
      const { completionScript } = await import("./completion.ts");
      output.text(completionScript(operands[0] ?? ""));
      return exitCodes.result;
    },
  }),
];
