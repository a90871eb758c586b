import { acceptedReplyText, encodeFrame, FrameDecoder } from "@acomm/protocol";
import { codeOf, heapMebibytes, temporaryDirectory } from "@acomm/testing";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { Tracker } from "./tracker.ts";

test("the arguments of calls are not kept once the peer has accepted them", async () => {
  await using directory = await temporaryDirectory();
  const socketPath = directory.socket("peer");
  const peer = createServer((socket) => {
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => { decoder.scan(chunk, () => { socket.write(encodeFrame(acceptedReplyText)); }); });
  }).listen(socketPath);
  await once(peer, "listening");
  const tracker = new Tracker();
  await tracker.start();
  const args = "x".repeat(1024 * 1024);
  const before = heapMebibytes();
  const calls = Array.from({ length: 32 }, () => codeOf(tracker.request(`unix://${socketPath}`, { task: "t", args })));
  expect(heapMebibytes() - before).toBeGreaterThan(16);
  await expect.poll(() => heapMebibytes() - before, { interval: 100 }).toBeLessThan(4);
  expect(tracker.pendingCount).toBe(32);
  await tracker.stop({ graceMs: 0 });
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["stopping"]));
  peer.close();
});
