import type { Response } from "@acomm/protocol";
import { coordinatorSocketPath, taskAddress } from "@acomm/tracker";
import type { CallOptions, Caller } from "@acomm/tracker";
import { urlOfSocketPath } from "@acomm/transport";
import type { ServiceNetwork } from "@acomm/transport";
import type { TasksOf, TaskSignature } from "./task-signature.ts";

/** Where a client's calls go: a URL, the coordinator of a socket directory, or whoever serves the task on a network that the caller's registry knows. */
export type ClientTarget =
  | string
  | URL
  | {
      /** The directory that the sockets of the system share. */
      readonly socketDir: string;
      /** The name of the coordinator. @default "main" */
      readonly coordinator?: string | undefined;
    }
  | {
      /** The network, which the registry of the caller knows too. */
      readonly network: Pick<ServiceNetwork, "urlOf">;
    };

/** What a call takes besides its task and its arguments. */
export type ClientCallOptions = Omit<CallOptions, "task" | "args">;

/** Calls of the tasks of a provider, typed by them. Made by {@link createClient}. */
export interface Client<Tasks> {
  /** The result of a task. @throws as `tracker.request` */
  request<Name extends keyof Tasks & string>(task: Name, ...call: ClientArguments<ArgsOf<Tasks[Name]>>): Promise<ResultOf<Tasks[Name]>>;
  /** The whole response, with its stream. @throws as `tracker.call` */
  call<Name extends keyof Tasks & string>(task: Name, ...call: ClientArguments<ArgsOf<Tasks[Name]>>): Promise<Response<ResultOf<Tasks[Name]>>>;
}

/** The arguments and the options of a call; arguments that may be left out are optional. */
export type ClientArguments<Args> = undefined extends Args ? [args?: Args, options?: ClientCallOptions] : [args: Args, options?: ClientCallOptions];

type ArgsOf<Signature> = Signature extends TaskSignature<infer Args> ? Args : never;
type ResultOf<Signature> = Signature extends TaskSignature<unknown, infer Result> ? Result : never;

/**
 * Makes calls typed by a provider, whose type is all of it that is needed: `createClient<typeof provider>(tracker, url)`.
 *
 * @param caller a tracker, or the `tracker` that a handler gets
 * @throws `bad_field`, `bad_address`
 */
export function createClient<SomeProvider>(caller: Caller, target: ClientTarget): Client<TasksOf<SomeProvider>> {
  const urlOf = urlsOf(target);
  const optionsOf = (task: string, args: unknown, options: ClientCallOptions | undefined): CallOptions => ({ ...options, task, args });
  return {
    request: (task: string, args?: unknown, options?: ClientCallOptions) => caller.request(urlOf(task), optionsOf(task, args, options)),
    call: (task: string, args?: unknown, options?: ClientCallOptions) => caller.call(urlOf(task), optionsOf(task, args, options)),
  } as Client<TasksOf<SomeProvider>>;
}

function urlsOf(target: ClientTarget): (task: string) => string | URL {
  if (typeof target === "object" && "network" in target) return (task) => target.network.urlOf(taskAddress(task));
  const url = typeof target === "string" || target instanceof URL ? target : urlOfSocketPath(coordinatorSocketPath(target.socketDir, target.coordinator));
  return () => url;
}
