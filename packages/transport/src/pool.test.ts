import { parseUrl } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import { rename } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "./fixtures/until.ts";
import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour, RawPeer } from "./fixtures/raw.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";
import type { UnixTransportOptions } from "./unix/transport.ts";

let directory: TemporaryDirectory;
let transport: Transport;
beforeEach(async () => {
  directory = await temporaryDirectory();
  transport = createUnixTransport();
});
afterEach(async () => {
  await transport.close();
  await directory[Symbol.asyncDispose]();
});

const use = (options: UnixTransportOptions): void => { transport = createUnixTransport(options); };
const peer = (behave: Behaviour): Promise<RawPeer> => startRawPeer(directory.socket("a"), behave);
const send = (text: string, wait: Parameters<Transport["send"]>[2] = {}): Promise<Acknowledgement> => transport.send(parseUrl(`unix://${directory.socket("a")}`), text, wait);

const keepAlive: Behaviour = (_text, connection) => { connection.say(acknowledgements.keepAlive); };
/** As a peer of one message a connection does. */
const once: Behaviour = (_text, connection) => {
  connection.say(acknowledgements.once);
  connection.socket.end();
};
const refusal = (error: string, keepsAlive = true): string => JSON.stringify({ error, id: "", result: null, stream_url: null, ...(keepsAlive ? { ext: { keepAlive: true } } : undefined) });

describe("a peer that keeps alive", () => {
  test("gets everything on one connection, pipelined and acknowledged in order", async () => {
    await using raw = await peer(keepAlive);
    await send("first");
    const order: number[] = [];
    await Promise.all(Array.from({ length: 500 }, async (_, index) => {
      await send(String(index));
      order.push(index);
    }));
    expect(raw.connections).toHaveLength(1);
    expect(raw.frames).toEqual(["first", ...Array.from({ length: 500 }, (_, index) => String(index))]);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test("may owe thousands of acknowledgements and pay them in parts", async () => {
    let owed = 0;
    await using raw = await peer((text, connection, index) => {
      if (text === "first") keepAlive(text, connection, index);
      else owed += 1;
    });
    await send("first");
    let done = 0;
    const all = Promise.all(Array.from({ length: 5000 }, (_, index) => send(String(index)).then(() => { done += 1; })));
    await until(() => owed === 5000);
    for (const part of [1000, 100, 2900, 1000]) {
      const before = done;
      for (let count = 0; count < part; count += 1) raw.connections[0]?.say(acknowledgements.keepAlive);
      await until(() => done === before + part);
    }
    await all;
    expect(raw.connections).toHaveLength(1);
  });

  test("is found out with few connections, of which one stays", async () => {
    await using raw = await peer(keepAlive);
    await Promise.all(Array.from({ length: 100 }, (_, index) => send(String(index))));
    expect(raw.connections.length).toBeLessThanOrEqual(4);
    await until(() => raw.connections.filter(({ socket }) => !socket.destroyed).length === 1);
    expect(raw.frames.toSorted()).toEqual(Array.from({ length: 100 }, (_, index) => String(index)).toSorted());
  });

  test("that ends with frames unacknowledged gets them again, once, on a new connection", async () => {
    await using raw = await peer((text, connection, index) => {
      if (index === 0 && text === "2") connection.socket.end();
      else if (!connection.socket.writableEnded) connection.say(acknowledgements.keepAlive);
    });
    await send("0");
    expect((await Promise.all(["1", "2", "3", "4"].map((text) => send(text)))).every(({ error }) => error === "")).toBe(true);
    expect(raw.connections).toHaveLength(2);
    expect(raw.connections[1]?.frames).toEqual(["2", "3", "4"]);
  });

  test("that breaks off with frames unread gets them again as well", async () => {
    await using raw = await peer((text, connection, index) => {
      if (index === 0 && text === "1") connection.socket.destroy();
      else connection.say(acknowledgements.keepAlive);
    });
    await send("0");
    await Promise.all(["1", "2", "3"].map((text) => send(text)));
    expect(raw.connections[1]?.frames).toEqual(["1", "2", "3"]);
  });

  test("and lies behind a relay that may lose acknowledgements: only what surely was not taken is sent again", async () => {
    use({ isLossy: true });
    await using raw = await peer((text, connection, index) => {
      if (index === 0 && text === "1") connection.socket.end();
      else connection.say(acknowledgements.keepAlive);
    });
    await send("0");
    expect(await Promise.all(["1", "2"].map((text) => codeOf(send(text))))).toEqual(["ambiguous", "ambiguous"]);
    await send("3");
    expect(raw.frames.filter((text) => text === "1")).toHaveLength(1);
  });

  test("that ends one connection after the other is unavailable after three", async () => {
    await using raw = await peer((text, connection) => {
      if (text === "poison") connection.socket.end();
      else connection.say(acknowledgements.keepAlive);
    });
    await send("0");
    const error = await errorOf(send("poison"));
    expect([error.code, error.message]).toEqual(["unavailable", `send to ${raw.url}: the peer ended 3 connections without taking the message`]);
    expect(raw.frames.filter((text) => text === "poison")).toHaveLength(3);
  });

  test("that says that it is stopping is left: the next message goes to who listens at the address now", async () => {
    const first = await peer((text, connection) => { connection.say(text === "late" ? refusal("stopping: go elsewhere") : acknowledgements.keepAlive); });
    await send("early");
    await rename(directory.socket("a"), directory.socket("old"));
    await using second = await peer(keepAlive);
    expect(await codeOf(send("late"))).toBe("stopping");
    await send("again");
    await send("and again");
    expect([first.frames, second.frames, second.connections.length]).toEqual([["early", "late"], ["again", "and again"], 1]);
    await first.stop();
  });

  test("that is stopping when it is found has its connection closed, and everybody is told", async () => {
    await using raw = await peer((_text, connection) => { connection.say(refusal("stopping: go elsewhere")); });
    expect(await Promise.all(["a", "b"].map((text) => codeOf(send(text))))).toEqual(["stopping", "stopping"]);
    for (const connection of raw.connections) await connection.ended;
    expect(await codeOf(send("c"))).toBe("stopping");
  });

  test("that is gone is unavailable to all who wait", async () => {
    const raw = await peer(keepAlive);
    await send("0");
    await raw.stop();
    expect(await Promise.all([1, 2, 3].map((text) => codeOf(send(String(text)))))).toEqual(["unavailable", "unavailable", "unavailable"]);
  });

  test("an unused connection is closed after idleTimeoutMs, not while it is used", async () => {
    use({ idleTimeoutMs: 40 });
    await using raw = await peer(keepAlive);
    for (let index = 0; index < 10; index += 1) {
      await send(String(index));
      await new Promise((resolve) => setTimeout(resolve, 10)); // used again before it is idle for long
    }
    expect(raw.connections).toHaveLength(1);
    await raw.connections[0]?.ended;
    await send("again");
    expect(raw.connections).toHaveLength(2);
  });
});

describe("a peer that closes after each message", () => {
  test("gets a connection for each, 500 of them, never more than maxDials at once", async () => {
    use({ maxDials: 8 });
    let most = 0;
    let now = 0;
    await using raw = await peer((text, connection, index) => {
      now += 1;
      most = Math.max(most, now);
      connection.socket.once("close", () => { now -= 1; });
      once(text, connection, index);
    });
    const acks = await Promise.all(Array.from({ length: 500 }, (_, index) => send(String(index))));
    expect(acks.every(({ error }) => error === "")).toBe(true);
    expect(raw.connections).toHaveLength(500);
    expect(new Set(raw.frames).size).toBe(500);
    expect(most).toBeLessThanOrEqual(8);
  });

  test("and never acknowledges, having read the message: ambiguous, and not sent again", async () => {
    await using raw = await peer((_text, connection) => { connection.socket.end(); });
    const error = await errorOf(send("maybe"));
    expect([error.code, error.message]).toEqual(["ambiguous", `send to ${raw.url}: the connection ended without an acknowledgement, and the message may have been accepted`]);
    expect(raw.frames).toEqual(["maybe"]);
  });

  test("without having read the message: it is sent again", async () => {
    await using raw = await peer(once);
    void raw.connection(0).then(({ socket }) => {
      socket.pause();
      socket.destroy();
    });
    await send("again");
    expect(raw.frames).toEqual(["again"]);
    expect(raw.connections.length).toBeGreaterThan(1);
  });
});

describe("the outcome of a message", () => {
  test("unavailable at once where nobody is there: no file, and a file that nobody listens at", async () => {
    expect(await codeOf(send("x"))).toBe("unavailable");
    expect(await Promise.all(Array.from({ length: 50 }, () => codeOf(send("x"))))).toEqual(Array.from({ length: 50 }, () => "unavailable"));
  });

  test("F15 timeout at ackTimeoutMs where nothing is acknowledged", async () => {
    use({ ackTimeoutMs: 60 });
    await using raw = await peer(() => undefined);
    const error = await errorOf(send("x"));
    expect([error.code, error.message]).toEqual(["timeout", `send to ${raw.url}: no acknowledgement within 60 ms`]);
    await raw.connections[0]?.ended;
  });

  test("no timeout where each acknowledgement comes in time, however long they take together", async () => {
    use({ ackTimeoutMs: 100 });
    let owed = 0;
    await using raw = await peer(() => { owed += 1; });
    const first = send("first");
    const connection = await raw.connection(0);
    await until(() => owed === 1);
    connection.say(acknowledgements.keepAlive);
    await first;
    const all = Promise.all([1, 2, 3, 4, 5, 6].map((text) => send(String(text))));
    const slow = setInterval(() => { connection.say(acknowledgements.keepAlive); }, 40);
    await all;
    clearInterval(slow);
  });

  test("the peer's own code where it refuses, and the connection goes on", async () => {
    await using raw = await peer((text, connection) => { connection.say(text === "no" ? refusal("overloaded: try later") : acknowledgements.keepAlive); });
    await send("yes");
    expect(await errorOf(send("no"))).toMatchObject({ code: "overloaded", message: "try later" });
    await send("yes");
    expect(raw.connections).toHaveLength(1);
  });

  test("the peer's own code where its first acknowledgement refuses and the connection ends", async () => {
    await using raw = await peer((_text, connection, index) => {
      connection.say(index === 0 ? refusal("my own words", false) : acknowledgements.once);
      connection.socket.end();
    });
    expect(await codeOf(send("no"))).toBe("remote");
    await send("yes");
    expect(raw.connections).toHaveLength(2);
  });

  test("an acknowledgement of 64 KiB is read; one more character is ambiguous", async () => {
    await using _raw = await peer((text, connection) => { connection.say(acknowledgements.keepAlive.padEnd(text === "limit" ? 64 * 1024 : 64 * 1024 + 1)); });
    expect((await send("limit")).error).toBe("");
    const error = await errorOf(send("beyond"));
    expect([error.code, error.message.includes("has 65537 characters, the limit is 65536")]).toEqual(["ambiguous", true]);
  });

  for (const [what, bytes] of [
    ["no JSON", "0000000161"],
    ["JSON but no object", "000000046e756c6c"],
    ["no text", "00000001ff"],
    ["no frame", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n").toString("hex")],
    ["an empty frame", "00000000"],
  ] as const) {
    test(`ambiguous where what comes instead of an acknowledgement is ${what}, from a known peer as from an unknown one`, async () => {
      let isGood = false;
      await using raw = await peer((_text, connection) => {
        if (isGood) connection.say(acknowledgements.keepAlive);
        else connection.write(Buffer.from(bytes, "hex"));
      });
      expect(await codeOf(send("maybe"))).toBe("ambiguous");
      isGood = true;
      await send("fine");
      isGood = false;
      expect(await Promise.all([codeOf(send("a")), codeOf(send("b"))])).toEqual(["ambiguous", "ambiguous"]);
      expect(raw.frames.filter((text) => text === "a")).toHaveLength(1);
    });
  }

  test("an acknowledgement that follows garbage in one chunk is not taken for the one before it", async () => {
    await using _raw = await peer((_text, connection) => {
      connection.socket.cork();
      connection.say("garbage");
      connection.say(acknowledgements.keepAlive);
      connection.socket.uncork();
    });
    expect(await codeOf(send("x"))).toBe("ambiguous");
  });

  test("more acknowledgements than messages end the connection, and the next message gets a new one", async () => {
    await using raw = await peer((_text, connection) => {
      connection.say(acknowledgements.keepAlive);
      connection.say(acknowledgements.keepAlive);
    });
    await send("one");
    await raw.connections[0]?.ended;
    await send("two");
    expect(raw.connections).toHaveLength(2);
  });

  test("frame_too_large before anything is sent, and the others are not held up", async () => {
    use({ maxFrameBytes: 200 });
    await using raw = await peer(keepAlive);
    const large = "x".repeat(201);
    const outcomes = await Promise.all([large, large, large, large, large, "fits"].map((text) => codeOf(send(text))));
    expect(outcomes).toEqual(["frame_too_large", "frame_too_large", "frame_too_large", "frame_too_large", "frame_too_large", "fulfilled"]);
    expect(await codeOf(send(large))).toBe("frame_too_large");
    expect(raw.frames).toEqual(["fits"]);
    const second = createUnixTransport({ maxFrameBytes: 200 });
    const url = parseUrl(raw.url);
    expect(await Promise.all(Array.from({ length: 4 }, () => codeOf(second.send(url, large, {}))))).toEqual(Array.from({ length: 4 }, () => "frame_too_large"));
    expect((await second.send(url, "fits too", {})).error).toBe("");
    await second.close();
  });
});
