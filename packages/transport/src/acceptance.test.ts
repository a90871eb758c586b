import { encodeFrame, FrameDecoder } from "@acomm/protocol";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { serve, UnixListener } from "./index.ts";

test("a handler starts only after its acknowledgement is with the kernel, and none is lost where the peer reads late", async () => {
  const directory = await mkdtemp(join(tmpdir(), "acomm-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const listener = new UnixListener(join(directory, "a.sock"));
  await listener.start();
  const count = 20_000;
  let started = 0;
  const service = serve(listener, () => (started += 1), { maxInFlight: count });
  onTestFinished(async () => {
    await service.stop({ graceMs: 0 });
  });

  const socket = createConnection(listener.address);
  socket.pause();
  const frames = Array.from({ length: count }, (_, index) => encodeFrame(`{"id":"${index}","task":"t","responsehook":null,"stream_url":null,"args":null,"ext":{"reply":true}}`));
  socket.write(Buffer.concat(frames));
  // the kernel holds some hundred kilobytes of acknowledgements and answers, then the service has to wait for its reader
  let before = -1;
  while (before !== started || started === 0) {
    before = started;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(started).toBeLessThan(count);

  const decoder = new FrameDecoder();
  const answered = new Set<string>();
  let acknowledged = 0;
  socket.on("data", (chunk) => {
    for (const frame of decoder.push(chunk)) {
      const message = JSON.parse(Buffer.from(frame).toString()) as { id: string };
      if (message.id === "") acknowledged += 1;
      else answered.add(message.id);
      if (answered.size === count) socket.end();
    }
  });
  socket.resume();
  await once(socket, "close");
  expect([started, acknowledged, answered.size]).toEqual([count, count, count]);
});
