import { acceptedText } from "@acomm/protocol";
import { duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { socketPair } from "./fixtures/socket-pair.ts";
import type { SocketPair } from "./fixtures/socket-pair.ts";
import type { TemporaryDirectory } from "@acomm/testing";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

let count = 0;
const open = (options?: ConnectionOptions): Promise<SocketPair> => socketPair(directory.socket(String((count += 1))), options);

describe("write", () => {
  test("writes frames of every size in their order, non-ASCII included", async () => {
    await using pair = await open();
    const texts = ["{}", "ä€😀", "a".repeat(21_840), "b".repeat(21_845), "€".repeat(22_000), `"${"ü".repeat(1024 * 1024)}"`, "x".repeat(1024 * 1024), "end"];
    const written = Promise.all(texts.map((text) => pair.connection.write(text)));
    for (const text of texts) expect((await pair.peer.next()) === text).toBe(true);
    await written;
    expect(pair.connection.isFlushed).toBe(true);
  });

  test("what is enqueued in one turn goes out in its order, short and long mixed", async () => {
    await using pair = await open();
    const texts = Array.from({ length: 500 }, (_, index) => `${index} ${"€".repeat((index * 7919) % 30_000)}`);
    for (const text of texts) pair.connection.enqueue(text);
    for (const text of texts) expect((await pair.peer.next()) === text).toBe(true);
  });

  test("many acknowledgements and a frame in one turn go out in their order, whatever the frame's bytes", async () => {
    for (const text of ["{}", "€"]) {
      await using pair = await open();
      for (let count = 0; count < 2000; count += 1) pair.connection.enqueueAccepted();
      pair.connection.enqueue(text);
      for (let count = 0; count < 2000; count += 1) expect(await pair.peer.next()).toBe(acceptedText);
      expect(await pair.peer.next()).toBe(text);
    }
  });

  test("of many exchanges under way, parts are written before the turn ends, so that the peer works on them meanwhile", async () => {
    await using pair = await open();
    const writesFor = (underWay: number, frames: number): number => {
      const before = pair.connection.writes;
      pair.connection.setUnderWay(underWay);
      for (let frame = 0; frame < frames; frame += 1) pair.connection.enqueue("{}");
      pair.connection.flush();
      return pair.connection.writes - before;
    };
    expect(writesFor(1, 7)).toBe(1);
    expect(writesFor(16, 16)).toBe(2);
    expect(writesFor(64, 64)).toBe(4);
    expect(writesFor(1000, 1000)).toBe(4);
    for (let frame = 0; frame < 7 + 16 + 64 + 1000; frame += 1) expect(await pair.peer.next()).toBe("{}");
  });

  test("what the callbacks of one turn of the event loop enqueue is written in order, the first at once, a few of the others together", async () => {
    await using pair = await open();
    const writesFor = async (callbacks: number): Promise<number> => {
      const before = pair.connection.writes;
      for (let index = 0; index < callbacks; index += 1) setImmediate(() => { pair.connection.enqueue(String(index)); });
      for (let index = 0; index < callbacks; index += 1) expect(await pair.peer.next()).toBe(String(index));
      await new Promise((resolve) => setImmediate(resolve));
      return pair.connection.writes - before;
    };
    expect(await writesFor(1)).toBe(1);
    expect(await writesFor(20)).toBe(2);
    expect(await writesFor(1 + 2 * 32 + 5)).toBe(4);
  });

  test("goes through a stream that is no socket as well", async () => {
    const [here, there] = duplexPair({ allowHalfOpen: true });
    const [one, other] = [new Connection(here), new Connection(there)];
    const texts = ["short", "€".repeat(100_000), "z".repeat(60_000), "end"];
    const written = Promise.all(texts.map((text) => one.write(text)));
    for (const text of texts) expect(await other.read()).toBe(text);
    await written;
    one.setRef(false);
    one.setRef(true);
  });

  test("both directions work at once, and after the peer has ended its own (A17)", async () => {
    await using pair = await open();
    pair.peer.say("question");
    pair.peer.socket.end();
    expect(await pair.connection.read()).toBe("question");
    expect(await pair.connection.read()).toBeUndefined();
    await pair.connection.write("answer");
    expect(await pair.peer.next()).toBe("answer");
    pair.connection.close();
    expect(await pair.peer.next()).toBeUndefined();
  });

  test("A8 the limit itself is taken; one byte more is frame_too_large before anything is sent", async () => {
    await using pair = await open({ maxFrameBytes: 9 });
    await pair.connection.write("€€€");
    expect(() => pair.connection.write("€€€1")).toThrow("a frame has 10 bytes, the limit is 9");
    expect(() => { pair.connection.enqueue("1234567890"); }).toThrow("the limit is 9");
    expect(() => pair.connection.write("")).toThrow("0 bytes");
    await pair.connection.write("123456789");
    expect([await pair.peer.next(), await pair.peer.next()]).toEqual(["€€€", "123456789"]);
    expect(pair.peer.frames).toHaveLength(2);
  });

  test("F23 to a peer that reads nothing fails with timeout", async () => {
    await using pair = await open({ frameTimeoutMs: 50 });
    pair.peer.socket.pause();
    expect(await codeOf(pair.connection.write("x".repeat(1024 * 1024)))).toBe("timeout");
    expect(pair.connection.stream.destroyed).toBe(true);
    expect(await codeOf(pair.connection.write("more"))).toBe("timeout");
  });

  test("F23 also where it is only a little that the kernel does not take", async () => {
    await using pair = await open({ frameTimeoutMs: 200 });
    pair.peer.socket.pause();
    let last = Promise.resolve("");
    // a paused socket of Node still reads a little ahead
    for (let turns = 0; turns < 50; turns += 1) {
      while (pair.connection.stream.writableLength === 0) last = codeOf(pair.connection.write("x".repeat(100)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(pair.connection.isBlocked).toBe(false);
    expect(await last).toBe("timeout");
  });

  test("to a peer that reads slowly goes on as long as it reads", async () => {
    await using pair = await open({ frameTimeoutMs: 100 });
    pair.peer.socket.pause();
    const writes: Promise<void>[] = [];
    for (let index = 0; index < 40; index += 1) writes.push(pair.connection.write("x".repeat(32_768)));
    const slow = setInterval(() => {
      pair.peer.socket.resume();
      setImmediate(() => { pair.peer.socket.pause(); });
    }, 10);
    await Promise.all(writes);
    clearInterval(slow);
    pair.peer.socket.resume();
    for (let index = 0; index < 40; index += 1) expect(await pair.peer.next()).toHaveLength(32_768);
  });

  test("a signal or a timeout gives up the wait; the frame may still arrive", async () => {
    await using pair = await open();
    pair.peer.socket.pause();
    const controller = new AbortController();
    const large = "x".repeat(1024 * 1024);
    const outcomes = [codeOf(pair.connection.write(large, { timeoutMs: 10 })), codeOf(pair.connection.write(large, { signal: controller.signal }))];
    controller.abort();
    expect(await Promise.all(outcomes)).toEqual(["timeout", "cancelled"]);
    pair.peer.socket.resume();
    expect([(await pair.peer.next())?.length, (await pair.peer.next())?.length]).toEqual([large.length, large.length]);
  });

  test("to a peer that has gone is unavailable, before and after that is noticed", async () => {
    await using pair = await open();
    pair.peer.socket.destroy();
    await pair.peer.closed;
    expect(await codeOf(pair.connection.write("one"))).toBe("unavailable");
    expect(await codeOf(pair.connection.write("two"))).toBe("unavailable");
    pair.connection.enqueue("three");
    pair.connection.flush();
    pair.connection.afterFlush(() => expect.unreachable());
    pair.connection.close();
  });

  test("after a close is unavailable", async () => {
    await using pair = await open();
    pair.connection.close();
    expect(await codeOf(pair.connection.write("late"))).toBe("unavailable");
    pair.connection.enqueue("late");
    pair.connection.afterFlush(() => expect.unreachable());
    expect(await pair.peer.next()).toBeUndefined();
  });
});

describe("close", () => {
  test("delivers what was written, ends, and waits for the peer's end", async () => {
    await using pair = await open();
    const large = "x".repeat(3 * 1024 * 1024);
    pair.connection.enqueue(large);
    pair.connection.close();
    pair.connection.close();
    expect((await pair.peer.next()) === large).toBe(true);
    await pair.peer.ended;
    expect(pair.connection.isClosed).toBe(false);
    const closed = new Promise((resolve) => pair.connection.stream.once("close", resolve));
    pair.peer.socket.end();
    await closed;
    expect(pair.connection.isClosed).toBe(true);
  });

  test("to a peer that is still writing loses nothing that it has not read yet", async () => {
    await using pair = await open();
    pair.connection.enqueue("acknowledgement");
    pair.connection.close();
    // the peer reads late, and writes meanwhile: a socket that is closed would break its connection
    pair.peer.socket.pause();
    for (let index = 0; index < 20; index += 1) {
      pair.peer.say("more");
      await new Promise((resolve) => setImmediate(resolve));
    }
    pair.peer.socket.resume();
    expect(await pair.peer.next()).toBe("acknowledgement");
    await pair.peer.ended;
    pair.peer.socket.end();
    expect(await pair.peer.closed).toBe("");
  });

  test("does not wait longer than a frame may take for a peer that stays, nor read without bound what it writes", async () => {
    await using pair = await open({ frameTimeoutMs: 100 });
    const closed = new Promise((resolve) => pair.connection.stream.once("close", resolve));
    pair.connection.close();
    const megabyte = Buffer.alloc(1024 * 1024);
    for (let index = 0; index < 8; index += 1) pair.peer.write(megabyte);
    await pair.peer.ended;
    await closed;
    expect(["ECONNRESET", "EPIPE"]).toContain(await pair.peer.closed);
    expect((pair.connection.stream as unknown as { bytesRead: number }).bytesRead).toBeLessThan(3 * megabyte.length);
  });

  test("to a peer that takes nothing gives up after a frame's time", async () => {
    await using pair = await open({ frameTimeoutMs: 40 });
    pair.peer.socket.pause();
    pair.connection.enqueue("x".repeat(1024 * 1024));
    const closed = new Promise((resolve) => pair.connection.stream.once("close", resolve));
    pair.connection.close();
    await closed;
    expect(pair.connection.closeError?.code).toBe("timeout");
  });
});
