import { checkTaskName } from "./socket-layout.ts";

/** @internal The address at which all providers of a task on a network take its requests, in turn. @throws `bad_field`, `unknown_task` */
export function taskAddress(task: string): string {
  return `acomm.tasks.${checkTaskName(task)}`;
}
