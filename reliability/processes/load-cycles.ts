/** Starts and stops everything, again and again, in one process. */
import { Tracker } from "@acomm/tracker";
import { serve, UnixListener } from "@acomm/transport";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { answer } from "../load/answer.ts";

async function cycle(path: string): Promise<void> {
  const listener = new UnixListener(path);
  await listener.start();
  const service = serve(listener, ({ args }) => args);
  const tracker = new Tracker();
  await tracker.start();
  await tracker.createUnixStream(["bytes"]);
  const { href } = listener.url;
  await Promise.all([
    tracker.request(href, { task: "echo", args: { n: 1 }, timeoutMs: 10_000 }),
    tracker.request(href, { task: "echo", args: { n: 2 }, timeoutMs: 10_000, responseHook: tracker.url }),
    tracker.request(href, { task: "echo", args: { n: 3 }, signal: AbortSignal.timeout(10_000) }),
  ]);
  await tracker.stop({ graceMs: 1 }); // the stream is cut
  await service.stop();
}

answer({
  async cycle({ directory, cycles, atOnce }: { readonly directory: string; readonly cycles: number; readonly atOnce: number }) {
    let begun = 0;
    const loop = async (_: unknown, index: number): Promise<void> => {
      while (begun < cycles) {
        begun += 1;
        await cycle(join(directory, `${index}.sock`));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    return (await readdir(directory)).length;
  },
});
