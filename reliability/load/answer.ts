/** The other side of a `Worker`: answers its questions. */
import { flushCompileCache } from "node:module";
import { Server, Socket } from "node:net";
import { queryObjects } from "node:v8";
import { watchLoop } from "../probe.ts";

/** What a process still holds of its own, once all that is unreachable was collected. */
export interface Remains {
  /** Timers, those that don't keep the process alive too. */
  readonly timers: number;
  readonly sockets: number;
  readonly servers: number;
  /** Listeners on `process` itself. */
  readonly listeners: number;
  /** The warnings that Node has given since the start, of too many listeners or a rejection handled late. */
  readonly warnings: readonly string[];
}

/**
 * Answers each question with what the function of its name gives, or with the error that it throws. `loop`, `collect` and
 * `remains` are answered for everyone. The process ends with the one that started it.
 */
export function answer(answers: Readonly<Record<string, (details: never) => unknown>>): void {
  const warnings: string[] = [];
  process.on("warning", (warning) => {
    if (warning.name !== "ExperimentalWarning") warnings.push(`${warning.name}: ${warning.message}`);
  });
  const all = new Map<string, (details: never) => unknown>(Object.entries({ loop: watchLoop(), collect, remains: () => remains(warnings), ...answers }));
  process.on("message", ({ id, ask, details }: { readonly id: number; readonly ask: string; readonly details: never }) => {
    void (async () => {
      try {
        const find = all.get(ask);
        if (find === undefined) throw new Error(`no such question: ${ask}`);
        process.send?.({ id, found: (await find(details)) ?? null });
      } catch (error) {
        process.send?.({ id, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  process.on("disconnect", () => process.exit());
  process.stderr.write(""); // its socket is there from now on, and not from the first warning on
  flushCompileCache(); // whoever ends it does so without warning
  process.send?.({ id: 0, found: null });
}

/** Lets what has just ended end, and collects what is unreachable, so that what is left is what is kept. */
async function collect(): Promise<void> {
  for (const flavor of ["regular", "last-resort"] as const) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc?.({ type: "major", execution: "sync", flavor });
  }
}

async function remains(warnings: readonly string[]): Promise<Remains> {
  await collect();
  const timer = setTimeout(() => undefined, 0);
  const { constructor: Timeout } = timer;
  clearTimeout(timer);
  return {
    timers: queryObjects(Timeout, { format: "count" }),
    sockets: queryObjects(Socket, { format: "count" }),
    servers: queryObjects(Server, { format: "count" }),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    warnings,
  };
}
