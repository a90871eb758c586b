import { Tracker } from "@acomm/tracker";
import { serve as serveRequests, UnixListener } from "@acomm/transport";
import type { Caller } from "../contestant.ts";

/** What a user writes: an async handler, `tracker.request`, acknowledgements, timeouts and limits on. */
export async function serve(socketPath: string): Promise<void> {
  const listener = new UnixListener(socketPath);
  await listener.start();
  serveRequests(listener, async (request) => request.args);
}

export async function connect(socketPath: string): Promise<Caller> {
  const tracker = new Tracker();
  await tracker.start();
  const url = `unix://${socketPath}`;
  return {
    call: (args) => tracker.request(url, { task: "echo", args, timeoutMs: 30_000 }),
    async close() {
      await tracker.stop();
    },
  };
}
