import { createRequest, encodeFrame } from "@acomm/protocol";
import { codeOf, thrownBy } from "@acomm/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectRaw } from "./fixtures/raw.ts";
import type { RawConnection } from "./fixtures/raw.ts";
import { runFixture } from "./fixtures/run-fixture.ts";
import { requestText, startService } from "./fixtures/service.ts";
import type { TestService } from "./fixtures/service.ts";
import { createGate, until } from "./fixtures/until.ts";
import { createRegistry } from "./registry.ts";
import { send } from "./send.ts";
import { UnixListener } from "./unix/listener.ts";
import { createUnixTransport } from "./unix/transport.ts";

const errorOf = (text: string | undefined): string => (JSON.parse(text ?? "null") as { error: string }).error;

async function echoes(client: RawConnection): Promise<void> {
  client.say(requestText("echo", "still here"));
  expect(errorOf(await client.next())).toBe("");
  expect(JSON.parse((await client.next()) ?? "")).toMatchObject({ id: "echo", result: "still here" });
}

describe("headerTimeoutMs", () => {
  test("A11 F24 is the time of a header, absolute, however it drips in; a frame has its own", async () => {
    await using service = await startService((request) => request.args, {}, { headerTimeoutMs: 60, frameTimeoutMs: 10_000 });
    await using good = await service.connect();
    await using dripping = await service.connect();
    await using slow = await service.connect();
    slow.write(Buffer.of(0, 0, 0, 100));
    const startedAt = performance.now();
    for (let index = 0; index < 3; index += 1) {
      dripping.write(Buffer.of(0));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(errorOf(await dripping.next())).toBe("timeout: a frame's header was not complete within 60 ms of its first byte");
    expect(await dripping.next()).toBeUndefined();
    expect(performance.now() - startedAt).toBeGreaterThan(55);
    expect(slow.frames).toEqual([]);
    expect(good.frames).toHaveLength(1); // it was silent, which the next test is about
    slow.write(Buffer.from(requestText("a").padEnd(100)));
    expect(errorOf(await slow.next())).toBe("");
  });

  test("F25 ends a connection that has said nothing, and says so; one that has spoken may be silent for long", async () => {
    await using service = await startService((request) => request.args, {}, { headerTimeoutMs: 60 });
    await using spoken = await service.connect();
    await echoes(spoken);
    await using silent = await service.connect();
    expect(errorOf(await silent.next())).toBe("timeout: the peer connected and sent nothing within 60 ms");
    expect(await silent.next()).toBeUndefined();
    await echoes(spoken);
  });

  test("does not begin before somebody reads", async () => {
    await using service = await startService(() => null);
    const listener = new UnixListener(service.directory.socket("bare"), { headerTimeoutMs: 20 });
    await listener.start();
    onTestFinished(async () => { await listener.stop({ graceMs: 0 }); });
    await using client = await connectRaw(listener.address);
    const connection = await listener.nextConnection();
    await new Promise((resolve) => setTimeout(resolve, 60));
    client.say("late");
    expect(await connection?.read()).toBe("late");
    const silent = codeOf(connection!.read());
    client.write(Buffer.of(0));
    expect(await silent).toBe("timeout");
  });
});

describe("maxConnections", () => {
  const options = { maxConnections: 2 };

  test("L4 a kept connection that is unused makes room: the one that was unused for longest", async () => {
    await using service = await startService((request) => request.args, {}, options);
    await using first = await service.connect();
    await echoes(first);
    await using second = await service.connect();
    await echoes(second);
    await echoes(first);
    await using hasty = await service.connect();
    expect(errorOf(await hasty.next())).toMatch(/^overloaded/); // both were used a moment ago
    await new Promise((resolve) => setTimeout(resolve, 300));
    await echoes(first);
    await using third = await service.connect();
    await echoes(third);
    expect(await second.next()).toBeUndefined(); // ended in order, without a word that could be taken for an acknowledgement
    expect(second.frames).toHaveLength(2);
    await echoes(first);
  });

  test("F25 one that has been silent from the beginning goes first, and is told why", async () => {
    await using service = await startService((request) => request.args, {}, options);
    await using kept = await service.connect();
    await echoes(kept);
    await using silent = await service.connect();
    await new Promise((resolve) => setTimeout(resolve, 300)); // it may be silent for a moment
    await using third = await service.connect();
    await echoes(third);
    expect(errorOf(await silent.next())).toMatch(/^overloaded: .* this one said nothing/);
    await echoes(kept);
  });

  test("those that are busy stay, whatever they are busy with: a request, a part of a frame, an answer that they don't take", async () => {
    const gate = createGate();
    await using service = await startService(async () => {
      await gate.opened;
      return "x".repeat(2_000_000);
    }, {}, { maxConnections: 3 });
    await using waiting = await service.connect();
    waiting.say(requestText("w"));
    await waiting.next();
    await using partial = await service.connect();
    partial.say(requestText("p", null, { reply: false }));
    await partial.next();
    partial.write(Buffer.of(0, 0));
    await using deaf = await service.connect();
    deaf.say(requestText("d"));
    await deaf.next();
    deaf.socket.pause();
    gate.open();
    expect(JSON.parse((await waiting.next()) ?? "")).toMatchObject({ id: "w" });
    waiting.write(Buffer.of(0));
    await using fourth = await service.connect();
    expect(errorOf(await fourth.next())).toMatch(/^overloaded: the listener has its 3 connections/);
    deaf.socket.resume();
    expect(JSON.parse((await deaf.next()) ?? "")).toMatchObject({ id: "d" });
  });

  test("our own callers try again where there is no room, for connectTimeoutMs, and nothing runs twice", async () => {
    const gate = createGate();
    const runs = new Map<unknown, number>();
    await using service = await startService(async (request) => {
      runs.set(request.args, (runs.get(request.args) ?? 0) + 1);
      if (request.args === "busy") await gate.opened;
    }, {}, { maxConnections: 1 });
    await using busy = await service.connect();
    busy.say(requestText("b", "busy"));
    await busy.next();
    await using patient = createRegistry([createUnixTransport()]);
    await using hasty = createRegistry([createUnixTransport({ connectTimeoutMs: 50 })]);
    const sent = Array.from({ length: 20 }, (_, index) => codeOf(send(service.url, createRequest({ task: "t", args: index }), { registry: patient })));
    expect(await Promise.all(Array.from({ length: 20 }, () => codeOf(send(service.url, createRequest({ task: "t" }), { registry: hasty }))))).toEqual(Array(20).fill("overloaded"));
    gate.open();
    expect(await Promise.all(sent)).toEqual(Array(20).fill("fulfilled"));
    await until(() => runs.size === 21);
    expect([...runs.values()]).toEqual(Array(21).fill(1));
    await patient.close();
    // the one that had no patience has learned nothing wrong
    expect(await codeOf(send(service.url, createRequest({ task: "t", args: "again" }), { registry: hasty }))).toBe("fulfilled");
  });

  test("a caller that waits for room and is stopped, or gives up, does not wait longer", async () => {
    await using service = await startService(() => new Promise<never>(() => undefined), {}, { maxConnections: 1 });
    await using busy = await service.connect();
    busy.say(requestText("b"));
    await busy.next();
    const registry = createRegistry([createUnixTransport({ connectTimeoutMs: 60_000 })]);
    const controller = new AbortController();
    const given = codeOf(send(service.url, createRequest({ task: "t" }), { registry, signal: controller.signal }));
    const sent = codeOf(send(service.url, createRequest({ task: "t" }), { registry, timeoutMs: 50_000 }));
    expect(await codeOf(send(service.url, createRequest({ task: "t" }), { registry, timeoutMs: 50 }))).toBe("timeout");
    controller.abort();
    expect(await given).toBe("cancelled");
    await registry.close();
    expect(await sent).toBe("stopping");
  });

  test("F20 is by default no more than a quarter of the file descriptors", async () => {
    await using limited = runFixture("default-limit");
    expect(await limited.output()).toEqual({ code: 0, text: "32\n" });
  });
});

describe("maxBufferedBytes", () => {
  async function partial(service: TestService, bytes: number): Promise<RawConnection> {
    const client = await service.connect();
    client.write(encodeFrame(Buffer.alloc(10_000, " ")).subarray(0, 4 + bytes));
    return client;
  }

  test("A9 of incomplete frames: the one that goes beyond is refused, the others go on; what was held is free again", async () => {
    await using service = await startService((request) => request.args, {}, { maxBufferedBytes: 10_008 });
    await using one = await partial(service, 5000);
    await using two = await partial(service, 4999);
    two.write(" "); // the limit itself, with the two headers
    await using good = await service.connect();
    good.say("{}");
    expect(errorOf(await good.next())).toMatch(/^bad_field/);
    expect(two.frames).toEqual([]);
    two.write(" ");
    expect(errorOf(await two.next())).toMatch(/^overloaded: the listener holds its 10008 bytes/);
    one.write(Buffer.from(requestText("a").padEnd(5000)));
    expect(errorOf(await one.next())).toBe("");
    await echoes(good);
    await using three = await partial(service, 9000);
    await echoes(good);
    three.socket.destroy();
  });

  test("of requests under way: what would go beyond is refused, on every connection, and taken once others are done", async () => {
    const gate = createGate();
    const text = requestText("a", "x".repeat(1000));
    await using service = await startService(() => gate.opened, {}, { maxBufferedBytes: 2 * text.length });
    await using client = await service.connect();
    await using other = await service.connect();
    client.say(text);
    expect(errorOf(await client.next())).toBe("");
    other.say(text);
    expect(errorOf(await other.next())).toBe("");
    for (const connection of [client, other]) {
      connection.say(requestText("b"));
      expect(errorOf(await connection.next())).toMatch(/^overloaded: the listener holds its \d+ bytes, or would with this message/);
    }
    gate.open();
    for (const connection of [client, other]) expect(JSON.parse((await connection.next()) ?? "")).toMatchObject({ id: "a" });
    for (const connection of [client, other]) {
      connection.say(text);
      expect(errorOf(await connection.next())).toBe("");
    }
  });

  test("a frame that came in pieces is not counted twice", async () => {
    const text = requestText("a", "x".repeat(200_000));
    await using service = await startService((request) => (request.args as string).length, {}, { maxBufferedBytes: text.length + 4 });
    await using client = await service.connect();
    client.say(text);
    expect(errorOf(await client.next())).toBe("");
    expect(JSON.parse((await client.next()) ?? "")).toMatchObject({ id: "a", result: 200_000 });
  });

  test("F23 of answers that nobody takes: new requests are refused, the answers wait and arrive", async () => {
    await using service = await startService((request) => (request.args === null ? "x".repeat(3_000_000) : request.args), {}, { maxBufferedBytes: 1_000_000 });
    await using deaf = await service.connect();
    deaf.say(requestText("large"));
    await deaf.next();
    deaf.socket.pause();
    await using other = await service.connect();
    const outcome = async (): Promise<string> => {
      other.say(requestText("o", 1));
      const error = errorOf(await other.next());
      if (error === "") await other.next();
      return error;
    };
    expect(await outcome()).toMatch(/^overloaded/);
    deaf.socket.resume();
    expect(((await deaf.next()) ?? "").length).toBeGreaterThan(3_000_000);
    while ((await outcome()) !== ""); // until the service knows that it was taken
  });
});

describe("maxDepth", () => {
  const nested = (levels: number): string => `{"id":"a","task":"t","args":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)},"ext":{"reply":true}}`;

  for (const maxDepth of [undefined, 10, 1000]) {
    test(`A31 ${maxDepth ?? "by default 256"} levels of a request are taken, one more is bad_json`, async () => {
      await using service = await startService((request) => request.args, { maxDepth });
      await using client = await service.connect();
      client.say(nested((maxDepth ?? 256) + 1));
      expect(errorOf(await client.next())).toMatch(/^bad_json: the message nests deeper/);
      client.say(nested(maxDepth ?? 256));
      expect(errorOf(await client.next())).toBe("");
    });
  }

  test("that makes no sense is refused by name", async () => {
    for (const maxDepth of [0, 5001, 1.5, Number.NaN]) {
      await expect(startService(() => null, { maxDepth })).rejects.toMatchObject({ code: "bad_field", message: expect.stringContaining("maxDepth must be a whole number from 1 to 5000") as string });
    }
  });
});

test("limits that make no sense are refused by name", () => {
  for (const [name, value] of [["maxConnections", 0], ["maxConnections", 1.5], ["maxBufferedBytes", 0], ["maxFrameBytes", -1], ["headerTimeoutMs", 0], ["headerTimeoutMs", 2 ** 31], ["frameTimeoutMs", Number.NaN]] as const) {
    const { code, message } = thrownBy(() => new UnixListener("/run/a.sock", { [name]: value }));
    expect([code, message.startsWith(`${name} must be`)]).toEqual(["bad_field", true]);
  }
  expect(thrownBy(() => createUnixTransport({ headerTimeoutMs: 0 })).message).toMatch("headerTimeoutMs");
});
