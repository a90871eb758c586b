import { FrameDecoder } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { ReadDeadline } from "./read-deadline.ts";

/** Keeps the event loop from running. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("F37 a process that holds up its own event loop", () => {
  test("does not call a peer late whose bytes it has not read yet", async () => {
    const decoder = new FrameDecoder();
    const late: string[] = [];
    const deadline = new ReadDeadline(decoder, { headerTimeoutMs: 50, frameTimeoutMs: 50 }, (error) => { late.push(error.message); });
    decoder.push(Buffer.of(0, 0, 0, 9, 1));
    deadline.start(false);
    deadline.moved(false);
    const read = new Promise((resolve) => setImmediate(resolve)); // as a socket's bytes: after the timers
    block(300);
    await read;
    decoder.push(Buffer.alloc(8));
    deadline.moved(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(late).toEqual([]);
  });

  test("calls it late in the end", async () => {
    const decoder = new FrameDecoder();
    const late = new Promise<string>((resolve) => {
      const deadline = new ReadDeadline(decoder, { headerTimeoutMs: 50, frameTimeoutMs: 70 }, (error) => { resolve(error.message); });
      decoder.push(Buffer.of(0, 0, 0, 9, 1));
      deadline.start(false);
      deadline.moved(false);
    });
    block(300);
    expect(await late).toBe("a frame was not complete within 70 ms of its first byte");
  });
});
