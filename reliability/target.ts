import { fixtureRunner } from "@acomm/testing";
import type { TargetReading } from "./processes/target.ts";

const run = fixtureRunner(new URL("./processes/", import.meta.url).href);

/** A service and a tracker in a process of their own, to be attacked. */
export interface Target extends AsyncDisposable {
  readonly pid: number;
  /** Aborts when it has ended, with what it ended. */
  readonly ended: AbortSignal;
  /** The id of a request that its tracker may have open, another one each time. */
  openId(): string;
  /** Begins to call the service at `hostile.sock`. */
  call(): Promise<void>;
  /** Calls no more, and waits for what is open. */
  rest(): Promise<void>;
  read(): Promise<TargetReading>;
  /** Stops in order. Gives how much had to be cut. */
  stop(): Promise<number>;
}

/**
 * @param directory where its sockets are made: `service.sock`, `responses.sock`
 * @param options.maxFrameBytes the longest frame of the service, @default 16 MiB
 */
export async function startTarget(directory: string, options: { readonly maxFrameBytes?: number } = {}): Promise<Target> {
  const fixture = run("target", directory, ...(options.maxFrameBytes === undefined ? [] : [String(options.maxFrameBytes)]));
  const { child } = fixture;
  const ended = new AbortController();
  child.once("exit", (code, signal) => { ended.abort(new Error(`the target ended with ${String(code ?? signal)}`)); });
  const ids: string[] = [];
  let nextId = 0;
  const takers: ((answer: unknown) => void)[] = [];
  void (async () => {
    for (;;) {
      const message = (await fixture.message()) as { readonly id?: string; readonly answer?: unknown };
      if (message.id === undefined) takers.shift()?.(message.answer);
      else ids.push(message.id);
      if (ids.length > 8) ids.shift();
    }
  })();
  const answer = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      takers.push(resolve);
      ended.signal.addEventListener("abort", () => { reject(ended.signal.reason as Error); }, { once: true });
    });
  const ask = (question: string): Promise<unknown> => {
    if (ended.signal.aborted) return Promise.reject(ended.signal.reason as Error);
    child.send(question);
    return answer();
  };
  await answer();
  return {
    pid: child.pid ?? 0,
    ended: ended.signal,
    openId: () => ids[nextId++ % ids.length] ?? "nobody",
    async call() {
      await ask("call");
    },
    async rest() {
      await ask("rest");
    },
    read: () => ask("read") as Promise<TargetReading>,
    stop: async () => ((await ask("stop")) as { readonly cut: number }).cut,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}
