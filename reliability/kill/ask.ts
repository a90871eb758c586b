import { AcommError, createRequest } from "@acomm/protocol";
import type { Tracker } from "@acomm/tracker";
import { send } from "@acomm/transport";

/** A question to the fixture service. */
export interface Question {
  readonly task: string;
  readonly args: { readonly key: string; readonly step?: string; readonly bytes?: number; readonly ms?: number };
  readonly timeoutMs: number;
  /** Whether the answer is to come to the hook. @default false, on the connection */
  readonly toHook?: boolean;
}

/** What became of a question. */
export interface Outcome {
  readonly key: string;
  /** `answered`, or the error's code. */
  readonly code: string;
  readonly atMs: number;
  /** How long after its deadline it came, in milliseconds; negative where it came before. */
  readonly lateMs: number;
  /** How often it was settled; read it when everything is over. */
  readonly times: () => number;
}

/** Asks, and tells what became of it. */
export function ask(tracker: Tracker, url: string, { task, args, timeoutMs, toHook = false }: Question): Promise<Outcome> {
  const deadline = performance.now() + timeoutMs;
  let times = 0;
  return new Promise((resolve) => {
    const settle = (code: string): void => {
      times += 1;
      const atMs = performance.now();
      resolve({ key: args.key, code, atMs, lateMs: atMs - deadline, times: () => times });
    };
    const fail = (error: unknown): void => { settle(error instanceof AcommError ? error.code : String(error)); };
    if (!toHook) {
      tracker.request(url, { task, args, timeoutMs }).then(() => { settle("answered"); }, fail);
      return;
    }
    const request = createRequest({
      task,
      args,
      responseHook: tracker.url,
      onSuccess: () => { settle("answered"); },
      onError: (_request, { error }) => { settle(error.split(":")[0] ?? ""); },
    });
    tracker.trackRequest(request, { timeoutMs });
    send(url, request, { timeoutMs }).catch((error: unknown) => {
      if (tracker.removeRequest(request)) fail(error); // else its answer was here first
    });
  });
}
