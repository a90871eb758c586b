import { acceptedReplyText, encodeFrame, FrameDecoder } from "@acomm/protocol";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { once } from "node:events";
import { createServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Tracker } from "./tracker.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const usedMebibytes = (): number => {
  collect();
  return process.memoryUsage().heapUsed / 1024 ** 2;
};

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
  const before = usedMebibytes();
  const calls = Array.from({ length: 32 }, () => codeOf(tracker.request(`unix://${socketPath}`, { task: "t", args })));
  expect(usedMebibytes() - before).toBeGreaterThan(16);
  await expect.poll(() => usedMebibytes() - before, { interval: 100 }).toBeLessThan(4);
  expect(tracker.pendingCount).toBe(32);
  await tracker.stop({ graceMs: 0 });
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["stopping"]));
  peer.close();
});
