import { serve, serveUnixStream, Tracker, UnixListener } from "acomm";
import type { RequestHandler, Service, Transport } from "acomm";
import type { ComplianceCase, ComplianceNetwork } from "acomm/testing";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A service and a caller of it. */
export interface Echo {
  readonly url: URL;
  readonly tracker: Tracker;
  readonly service: Service;
  /** Cuts what is left. */
  stop(): Promise<void>;
}

/** @param handler @default gives the arguments back */
export async function startEcho(directory: string, handler: RequestHandler = ({ args }) => args): Promise<Echo> {
  const listener = new UnixListener(join(directory, "echo.sock"));
  await listener.start();
  const service = serve(listener, handler);
  const tracker = new Tracker();
  await tracker.start();
  return {
    url: listener.url,
    tracker,
    service,
    async stop() {
      await tracker.stop({ graceMs: 100 });
      await service.stop({ graceMs: 100 });
    },
  };
}

/** The code of the error with which something fails, or what came instead. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then((value) => `no error but ${JSON.stringify(value)}`, (error: unknown) => (error as { readonly code?: string }).code ?? String(error));
}

/** A network over unix sockets for the checks of a transport. */
export function openUnix(directory: string, transport: Transport, limits: { readonly maxFrameBytes: number }): ComplianceNetwork {
  let listeners = 0;
  return {
    transport,
    createListener: () => new UnixListener(join(directory, `${listeners++}.sock`), limits),
    serveStream: (source) => serveUnixStream(source, { directory }),
    left: () => readdir(directory),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Runs the checks of a transport. @throws {Error} that names those that fail */
export async function comply(cases: readonly ComplianceCase[]): Promise<void> {
  const failed: string[] = [];
  for (const { name, run } of cases) {
    try {
      await run();
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message.split("\n")[0] ?? "" : String(error)}`);
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${cases.length} fail: ${failed.join("; ")}`);
}
