import { AcommError, badField, maxNameBytes, maxSocketPathBytes } from "@acomm/protocol";
import { isAbsolute, join } from "node:path";

/** A provider's socket for one task. */
export interface ProviderSocket {
  /** The name of the task. */
  readonly task: string;
  /** 0 to 999; lower ones are asked first. */
  readonly priority: number;
  /** The name of the provider. */
  readonly provider: string;
}

/** What stands in a socket directory beside the tasks, and so is no task. */
const reservedNames: ReadonlySet<string> = new Set(["coordinator", "response", "streams"]);
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const socketName = /^(\d{1,3})-([A-Za-z0-9][A-Za-z0-9._-]*)\.sock$/;
const maxPriority = 999;

/**
 * @internal Checks a name that becomes a part of a path: the task of a provider. It can't leave the socket directory, nor be one of
 * the directories that are there for other things.
 *
 * @throws `bad_field` where it is no plain name, `unknown_task` where it is taken by the layout itself
 */
export function checkTaskName(task: string): string {
  checkPlainName(task, "task");
  if (reservedNames.has(task.toLowerCase())) throw new AcommError("unknown_task", `task: ${task} is a directory of the layout itself and never a task: choose another name`);
  return task;
}

/** @internal Checks the name of a provider or coordinator, which becomes a file name. @throws `bad_field` */
export function checkServiceName(name: string, field = "name"): string {
  return checkPlainName(name, field);
}

/** @internal Checks the directory that the sockets of a system share. @throws `bad_address` where it is relative, holds a NUL or leaves no room for a socket's name. */
export function checkSocketDirectory(socketDir: string): string {
  if (typeof socketDir !== "string" || !isAbsolute(socketDir) || socketDir.includes("\0")) throw new AcommError("bad_address", "socketDir must be an absolute path such as /run/acomm");
  const bytes = Buffer.byteLength(socketDir);
  if (bytes > maxSocketPathBytes - 20) throw new AcommError("bad_address", `socketDir has ${bytes} bytes, and a socket's path may have ${maxSocketPathBytes} in all: choose a shorter directory`);
  return socketDir;
}

/** @internal Checks the priority of a provider. @throws `bad_field` unless it is a whole number from 0 to 999 */
export function checkPriority(priority: number): number {
  if (Number.isInteger(priority) && priority >= 0 && priority <= maxPriority) return priority;
  throw badField(`priority must be a whole number from 0 to ${maxPriority}, but is ${String(priority)}`);
}

/** Where a provider serves a task: `<socketDir>/<task>/<priority>-<provider>.sock`. @throws `bad_field`, `unknown_task`, `bad_address` */
export function providerSocketPath(socketDir: string, { task, priority, provider }: ProviderSocket): string {
  return join(checkSocketDirectory(socketDir), checkTaskName(task), `${String(checkPriority(priority)).padStart(2, "0")}-${checkServiceName(provider, "provider")}.sock`);
}

/** @internal What the name of a file in a task's directory says; undefined where it is not the name of a provider's socket. */
export function parseProviderSocket(task: string, fileName: string): ProviderSocket | undefined {
  const [, priority, provider] = socketName.exec(fileName) ?? [];
  return provider === undefined ? undefined : { task, priority: Number(priority), provider };
}

/** Where a coordinator is reached: `<socketDir>/coordinator/<name>.sock`. @param name @default main @throws `bad_field`, `bad_address` */
export function coordinatorSocketPath(socketDir: string, name = "main"): string {
  return join(checkSocketDirectory(socketDir), "coordinator", `${checkServiceName(name)}.sock`);
}

/** Where a service takes responses: `<socketDir>/response/<name>.sock`. @throws `bad_field`, `bad_address` */
export function responseSocketPath(socketDir: string, name: string): string {
  return join(checkSocketDirectory(socketDir), "response", `${checkServiceName(name)}.sock`);
}

/** Where a service has the sockets of its streams: `<socketDir>/streams/<name>`. @throws `bad_field`, `bad_address` */
export function streamDirectory(socketDir: string, name: string): string {
  return join(checkSocketDirectory(socketDir), "streams", checkServiceName(name));
}

function checkPlainName(name: string, field: string): string {
  if (typeof name === "string" && name.length <= maxNameBytes && plainName.test(name)) return name;
  const shown = typeof name === "string" ? (name.length > 60 ? `a text of ${name.length} characters` : JSON.stringify(name)) : (name as unknown) === undefined ? "missing" : `a ${typeof name}`;
  throw badField(`${field} must be 1 to ${maxNameBytes} letters, digits, dots, underscores and hyphens and begin with a letter or digit, but is ${shown}`);
}
