/** Starts a service at a path at a moment that another process was told as well. */
import { AcommError } from "@acomm/protocol";
import { serve, UnixListener } from "@acomm/transport";
import type { Service } from "@acomm/transport";
import { answer } from "../load/answer.ts";

let service: Service | undefined;

answer({
  /** @param atMs on the clock of `Date.now()` */
  async start({ path, atMs = 0 }: { readonly path: string; readonly atMs?: number }) {
    while (Date.now() < atMs); // to the millisecond: a timer would come later
    const startedAt = performance.now();
    const listener = new UnixListener(path);
    try {
      await listener.start();
    } catch (error) {
      if (error instanceof AcommError) return { outcome: error.code, tookMs: performance.now() - startedAt };
      throw error;
    }
    service = serve(listener, () => process.pid);
    return { outcome: "listening", tookMs: performance.now() - startedAt };
  },
  async stop() {
    await service?.stop({ graceMs: 0 });
    service = undefined;
  },
});
