import { AcommError, createClient } from "acomm";
import type { Client, TasksOf, Tracker } from "acomm";
import assert from "node:assert/strict";
import type { provider } from "./machine-provider.ts";
import type { Programs } from "./programs.ts";

/** What the parts of the demo work with. */
export interface Demo {
  readonly programs: Programs;
  readonly tracker: Tracker;
  readonly client: Client<TasksOf<typeof provider>>;
  readonly socketDir: string;
  /** The URL of the coordinator's door. */
  readonly door: string;
}

export function createDemo(init: Omit<Demo, "client">): Demo {
  return { ...init, client: createClient<typeof provider>(init.tracker, { socketDir: init.socketDir }) };
}

/** What `acomm …` prints. @throws unless it succeeds */
export async function succeed({ programs }: Demo, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await programs.run(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Waits for something to fail with this code, and gives what it says. */
export async function refusal(code: string, promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof AcommError);
  assert.equal(error.code, code);
  return `${code}: ${error.message}`;
}

/** Asks for a URL and expects a status. */
export async function expectStatus(status: number, url: URL): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, status);
  return `HTTP ${response.status}`;
}
