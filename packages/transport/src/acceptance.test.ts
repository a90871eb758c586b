import { acceptedReplyText, encodeFrame, FrameDecoder } from "@acomm/protocol";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { serve, UnixListener } from "./index.ts";
import type { ListenerOptions } from "./index.ts";

/** A listener in a directory of its own. */
async function startListener(options?: ListenerOptions): Promise<UnixListener> {
  const directory = await mkdtemp(join(tmpdir(), "acomm-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const listener = new UnixListener(join(directory, "a.sock"), options);
  await listener.start();
  return listener;
}

test("an error that fits no frame ends the connection and is reported, and the process lives on", async () => {
  const listener = await startListener({ maxFrameBytes: 120 });
  const errors: string[] = [];
  const service = serve(
    listener,
    async () => {
      throw new Error("x".repeat(1000));
    },
    { onError: (error) => errors.push(error.code) },
  );
  onTestFinished(async () => {
    await service.stop({ graceMs: 0 });
  });
  const socket = createConnection(listener.address);
  socket.write(encodeFrame('{"id":"1","task":"t","responsehook":null,"stream_url":null,"args":null,"ext":{"reply":true}}'));
  const frames: string[] = [];
  const decoder = new FrameDecoder();
  for await (const chunk of socket as AsyncIterable<Buffer>) frames.push(...decoder.push(chunk).map((frame) => Buffer.from(frame).toString()));
  expect(frames).toEqual([acceptedReplyText]);
  expect(errors).toEqual(["undeliverable"]);
  expect(service.inFlightCount).toBe(0);
});

test("a handler starts only after its acknowledgement is with the kernel, and none is lost where the peer reads late", async () => {
  const listener = await startListener();
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
