import { AcommError } from "@acomm/protocol";
import { errorChannelName } from "@acomm/transport";
import type { StopReport } from "@acomm/transport";
import { subscribe } from "node:diagnostics_channel";
import type { Interrupts } from "./interrupts.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { UsageError } from "./usage-error.ts";

/** What starts, serves and stops; a provider or a coordinator. */
export interface Server {
  start(): Promise<unknown>;
  stop(options: { readonly graceMs: number }): Promise<StopReport>;
}

/** Where a server can be reached, as its line says when it is ready. */
export interface ReadyPlaces {
  /** The paths of its sockets, by what they serve. */
  readonly sockets: Readonly<Record<string, string>>;
  readonly http?: string | undefined;
}

interface LifeOptions {
  readonly graceMs: number;
  readonly output: Output;
  readonly interrupts: Interrupts;
}

/**
 * Starts a server, says so with a line of JSON, and drains it with the first SIGINT or SIGTERM; the second ends the process.
 *
 * @param places asked once it is started
 * @returns the exit code: that of a remote error where the stop had to cut something
 * @throws UsageError where it can't start as it was told to
 */
export async function serveUntilInterrupted(server: Server, places: () => ReadyPlaces, { graceMs, output, interrupts }: LifeOptions): Promise<number> {
  reportErrors(output);
  try {
    await server.start();
  } catch (error) {
    if (!(error instanceof AcommError)) throw error;
    throw new UsageError(withPlaceHint(error.message));
  }
  const { sockets, http } = places();
  if (!interrupts.signal.aborted) output.json({ ready: true, sockets, http });
  await interrupted(interrupts.signal);
  const { cut } = await server.stop({ graceMs });
  output.json({ stopped: true, cut: cut.length });
  for (const { id, task, ageMs } of cut) output.note(JSON.stringify({ cut: { id, task, ageMs: Math.round(ageMs) } }));
  return cut.length === 0 ? exitCodes.result : exitCodes.remote;
}

function withPlaceHint(message: string): string {
  return /socket directory|listen at|above a socket/.test(message) ? `${message}; --socket-dir chooses the directory` : message;
}

/** How many failures are written in a second; a flood of them says no more than a few. */
const maxReportsPerSecond = 10;

/** Writes the failures that no caller can receive, a line of JSON each. */
function reportErrors(output: Output): void {
  let second = 0;
  let written = 0;
  let left = 0;
  subscribe(errorChannelName, (message) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      if (left > 0) output.note(JSON.stringify({ error: { message: `${left} more failures in that second` } }));
      [second, written, left] = [now, 0, 0];
    }
    written += 1;
    const { code, message: text } = (message as { readonly error: AcommError }).error;
    if (written > maxReportsPerSecond) left += 1;
    else output.note(JSON.stringify({ error: { code, message: text } }));
  });
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  // sockets keep the process alive, the wait itself need not
  return new Promise((resolve) => { signal.addEventListener("abort", () => { resolve(); }, { once: true }); });
}
