import { AcommError, parseUrl } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { note } from "./fixtures/note.ts";
import { codeOf, errorOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour, RawPeer } from "./fixtures/raw.ts";
import { runFixture } from "./fixtures/run-fixture.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { until } from "./fixtures/until.ts";
import { createStreamTransport } from "./stream-transport.ts";
import type { StreamTransportInit } from "./stream-transport.ts";
import type { Transport } from "./transport.ts";
import { connectUnix } from "./unix/connect.ts";
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
const useConnect = (connect: StreamTransportInit["connect"], options: UnixTransportOptions = {}): void => { transport = createStreamTransport({ ...options, schemes: ["unix"], connect }); };
const url = (): ReturnType<typeof parseUrl> => parseUrl(`unix://${directory.socket("a")}`);
const peer = (behave: Behaviour): Promise<RawPeer> => startRawPeer(directory.socket("a"), behave);
const send = (text: string, wait: Parameters<Transport["send"]>[2] = {}): Promise<Acknowledgement> => transport.send(url(), text, wait);
const keepAlive: Behaviour = (_text, connection) => { connection.say(acknowledgements.keepAlive); };

describe("a wait that ends early", () => {
  test("by its timeout or its signal, before the send and in it; the connection goes on", async () => {
    let isMute = true;
    await using raw = await peer((text, connection, index) => {
      if (!isMute) keepAlive(text, connection, index);
    });
    const controller = new AbortController();
    const outcomes = [codeOf(send("a", { timeoutMs: 1000 })), codeOf(send("b", { signal: controller.signal })), codeOf(send("c", { signal: AbortSignal.abort() })), codeOf(send("d", { timeoutMs: 2 ** 31 }))];
    await until(() => raw.frames.length === 2);
    controller.abort(new Error("enough"));
    expect(await Promise.all(outcomes)).toEqual(["timeout", "cancelled", "cancelled", "bad_field"]);
    isMute = false;
    for (const connection of raw.connections) connection.say(acknowledgements.keepAlive);
    expect((await send("e")).error).toBe("");
    expect(raw.frames.toSorted()).toEqual(["a", "b", "e"]);
  });

  test("a message that waits for its turn and is given up is never sent", async () => {
    use({ maxDials: 1 });
    const owed: (() => void)[] = [];
    await using raw = await peer((_text, connection) => {
      owed.push(() => {
        connection.say(acknowledgements.once);
        connection.socket.end();
      });
    });
    const first = send("first");
    await until(() => owed.length === 1);
    owed[0]?.();
    await first;
    const second = send("second");
    const third = codeOf(send("third", { timeoutMs: 10 }));
    const fourth = send("fourth");
    expect(await third).toBe("timeout");
    await until(() => owed.length === 2);
    owed[1]?.();
    await second;
    await until(() => owed.length === 3);
    owed[2]?.();
    await fourth;
    expect(raw.frames).toEqual(["first", "second", "fourth"]);
  });
});

describe("close", () => {
  test("fails what is on its way with stopping, and what comes later; twice is once", async () => {
    await using raw = await peer(() => undefined);
    const outcomes = Array.from({ length: 10 }, (_, index) => codeOf(send(String(index))));
    await until(() => raw.frames.length > 0);
    await transport.close();
    await transport.close();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["stopping"]));
    expect(await codeOf(send("late"))).toBe("stopping");
    const lines: string[] = [];
    transport.call?.(url(), note("late", lines));
    expect(lines).toEqual(["late stopping"]);
    for (const connection of raw.connections) await connection.ended;
  });

  test("while it connects: the connection that comes late is dropped", async () => {
    const late = Promise.withResolvers<Duplex>();
    useConnect(() => late.promise);
    const outcome = codeOf(send("x"));
    await transport.close();
    expect(await outcome).toBe("stopping");
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => { done(); } });
    const closed = new Promise((resolve) => stream.once("close", resolve));
    late.resolve(stream);
    await closed;
  });
});

describe("connecting", () => {
  test("F17 to a full backlog is tried again for connectTimeoutMs, then it is overloaded; nobody who waits is left", async () => {
    await using busy = runFixture("full-backlog", directory.socket("a"));
    expect(await busy.message()).toBe("listening");
    await busy.stopped();
    let attempts = 0;
    useConnect((target, signal) => {
      attempts += 1;
      return connectUnix(target.pathname, signal);
    }, { connectTimeoutMs: 300, maxDials: 1, ackTimeoutMs: 800 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, index) => codeOf(send(String(index)))));
    // the backlog holds two, which are never acknowledged
    expect(new Set(outcomes)).toEqual(new Set(["overloaded", "timeout"]));
    expect(outcomes.filter((code) => code === "timeout").length).toBeLessThanOrEqual(4);
    expect(attempts).toBeGreaterThan(8);
    expect(attempts).toBeLessThanOrEqual(8 * 40);
  });

  test("F17 succeeds once the backlog has room", async () => {
    await using busy = runFixture("full-backlog", directory.socket("a"));
    await busy.message();
    await busy.stopped();
    use({ connectTimeoutMs: 10_000 });
    const outcomes = Array.from({ length: 4 }, (_, index) => send(String(index)));
    busy.child.kill("SIGCONT");
    expect((await Promise.all(outcomes)).every(({ error }) => error === "")).toBe(true);
  });

  test("that never ends is timeout at connectTimeoutMs", async () => {
    useConnect((_url, signal) => new Promise((_, reject) => { signal.addEventListener("abort", () => { reject(new Error("aborted")); }); }), { connectTimeoutMs: 30 });
    const error = await errorOf(send("x"));
    expect([error.code, error.message]).toEqual(["timeout", `connect to ${url().href}: no connection within 30 ms`]);
  });

  test("that fails costs one message its outcome where another connection works, and all theirs where none does", async () => {
    await using raw = await peer(() => undefined);
    let dials = 0;
    const failing = Promise.withResolvers<never>();
    useConnect((target) => ((dials += 1) === 1 ? connectUnix(target.pathname) : failing.promise));
    const outcomes = Array.from({ length: 6 }, (_, index) => codeOf(send(String(index))));
    const connection = await raw.connection(0);
    await until(() => raw.frames.length === 1);
    failing.reject(new AcommError("overloaded", "no"));
    const failed = await Promise.all(outcomes.slice(1, 3));
    expect(failed).toEqual(["overloaded", "overloaded"]);
    connection.say(acknowledgements.keepAlive);
    expect(await outcomes[0]).toBe("fulfilled");
  });

  test("to what is over at once is unavailable", async () => {
    useConnect(() => {
      const stream = new Duplex({ read() {} });
      stream.destroy();
      return new Promise((resolve) => stream.once("close", () => { resolve(stream); }));
    });
    expect(await codeOf(send("x"))).toBe("unavailable");
  });

  test("limits that make no sense are refused by name", () => {
    for (const field of ["connectTimeoutMs", "ackTimeoutMs", "idleTimeoutMs", "maxDials", "frameTimeoutMs", "maxFrameBytes"]) {
      expect(thrownBy(() => createUnixTransport({ [field]: Number.NaN })).message).toMatch(field);
    }
  });
});

test("L3 a peer that takes nothing does not make the writer buffer without bound", async () => {
  await using raw = await peer((text, connection) => {
    if (text === "first") connection.say(acknowledgements.keepAlive);
    connection.socket.pause();
  });
  let stream: Duplex | undefined;
  useConnect(async (target) => (stream = await connectUnix(target.pathname)));
  await send("first");
  const lines: string[] = [];
  let encoded = 0;
  const text = "x".repeat(10_000);
  const messages = Array.from({ length: 2000 }, (_, index) => ({ ...note(String(index), lines), takesReply: false, encode: () => ((encoded += 1), text) }));
  for (const message of messages) transport.call?.(url(), message);
  await until(() => stream?.writableNeedDrain === true);
  expect(stream?.writableLength).toBeLessThan(1024 * 1024);
  expect(encoded).toBeLessThan(200);
  const [connection] = raw.connections;
  connection?.socket.resume();
  void (async () => {
    while (lines.length < 2000) {
      connection?.socket.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await until(() => raw.frames.length === 2001);
  await transport.close();
});

describe("the process", () => {
  test("ends by itself after a send on a kept connection, which is not closed", async () => {
    await using _raw = await peer(keepAlive);
    await using child = runFixture("send-once", url().href);
    expect(await child.output()).toEqual({ code: 0, text: "sent\n" });
  });

  test("ends by itself after a send to a peer that acknowledges and stays open", async () => {
    await using _raw = await peer((_text, connection) => { connection.say(acknowledgements.once); });
    await using child = runFixture("send-once", url().href);
    expect(await child.output()).toEqual({ code: 0, text: "sent\n" });
  });
});
