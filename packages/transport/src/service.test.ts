import { acceptedReplyText, acceptedText, AcommError, encodeFrame, parseUrl } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { connectRaw } from "./fixtures/raw.ts";
import type { RawConnection } from "./fixtures/raw.ts";
import { requestText, startService } from "./fixtures/service.ts";
import { createGate, stillness, until } from "./fixtures/until.ts";
import { serve } from "./service.ts";
import { UnixListener } from "./unix/listener.ts";

type Answer = Response & { readonly ext?: { readonly reply?: boolean } };
const nextAnswer = async (client: RawConnection): Promise<Answer> => JSON.parse((await client.next()) ?? "null") as Answer;

/** Sends a request on the connection and gives its answer, past the acknowledgement. */
async function ask(client: RawConnection, id: string, args: unknown = null): Promise<Answer> {
  client.say(requestText(id, args));
  expect([acceptedReplyText, acceptedText]).toContain(await client.next());
  return nextAnswer(client);
}

describe("a request", () => {
  test("is acknowledged before its handler ends, and answered on its connection", async () => {
    const gate = createGate();
    await using service = await startService(async (request) => {
      await gate.opened;
      return request.args;
    });
    await using client = await service.connect();
    client.say(requestText("a", { text: "ä" }));
    expect(await client.next()).toBe(acceptedReplyText);
    expect(service.service.inFlightCount).toBe(1);
    gate.open();
    expect(await client.next()).toBe('{"error":"","id":"a","result":{"text":"ä"},"stream_url":null,"ext":{"reply":true}}');
    expect(service.service.inFlightCount).toBe(0);
    expect(client.frames).toHaveLength(2);
  });

  test("starts its handler only after the acknowledgement is with the kernel", async () => {
    const startedBefore: boolean[] = [];
    await using service = await startService(() => {
      startedBefore.push(true);
      return null;
    });
    await using client = await service.connect();
    client.say(requestText("a"));
    // what the kernel took before the handler ran is all that a process killed in it leaves behind
    expect(await client.next()).toBe(acceptedReplyText);
    await until(() => startedBefore.length === 1);
  });

  test("whose acknowledgement nobody can get is not run (F16)", async () => {
    let runs = 0;
    await using service = await startService(() => { runs += 1; });
    const client = await service.connect();
    client.say(requestText("a"));
    client.socket.destroy();
    await client.closed;
    await using other = await service.connect();
    await ask(other, "b");
    expect(service.service.inFlightCount).toBe(0);
    expect(runs).toBe(1);
  });

  test("A3 many in one write are acknowledged in order and answered as they get ready", async () => {
    const gates = new Map([["a", createGate()], ["b", createGate()]]);
    await using service = await startService(async (request) => {
      await gates.get(request.id)?.opened;
      return request.id;
    });
    await using client = await service.connect();
    client.write(Buffer.concat(["a", "b", "c"].map((id) => encodeFrame(requestText(id)))));
    expect([await client.next(), await client.next(), await client.next()]).toEqual([acceptedReplyText, acceptedText, acceptedText]);
    expect((await nextAnswer(client)).id).toBe("c");
    gates.get("b")?.open();
    expect((await nextAnswer(client)).id).toBe("b");
    gates.get("a")?.open();
    expect((await nextAnswer(client)).id).toBe("a");
  });

  test("A43 without reply and without a hook is run and answered nowhere", async () => {
    const seen: string[] = [];
    await using service = await startService((request) => { seen.push(request.id); });
    await using client = await service.connect();
    client.say(requestText("a", null, { reply: false }));
    expect(await client.next()).toBe(acceptedText);
    await ask(client, "b");
    expect(seen).toEqual(["a", "b"]);
    expect(client.frames).toHaveLength(3);
    expect(service.service.inFlightCount).toBe(0);
  });

  test("gives its handler what it holds", async () => {
    let seen: Request | undefined;
    await using service = await startService((request) => { seen = request; });
    await using client = await service.connect();
    client.say(JSON.stringify({ id: "a", task: "sum", responsehook: null, stream_url: "unix:///run/s.sock", args: [1, 2], ext: { reply: true, streamEnd: "half-close" } }));
    await client.next();
    expect(seen).toMatchObject({ id: "a", task: "sum", args: [1, 2] });
    expect([seen?.streamUrl?.href, seen?.streamUrl?.streamEnd]).toEqual(["unix:///run/s.sock", "half-close"]);
  });
});

describe("what a handler gives or throws", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const outcomes: Record<string, () => unknown> = {
    value: () => 1,
    promise: () => Promise.resolve([2]),
    nothing: () => undefined,
    error: () => { throw new Error("it broke"); },
    code: () => { throw new AcommError("unknown_task", "no such task"); },
    remote: () => { throw new AcommError("remote", ""); },
    empty: () => { throw new Error(""); },
    "type error": () => { throw new TypeError(""); },
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a handler may do
    text: () => { throw "just text"; },
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a handler may do
    "empty text": () => { throw ""; },
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a handler may do
    undefined: () => { throw undefined; },
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a handler may do
    object: () => { throw { code: 1 }; },
    rejection: () => Promise.reject(new Error("later")),
    "empty rejection": () => Promise.reject(new Error("")),
    circular: () => circular,
    bigint: () => 10n,
    function: () => () => 1,
    symbol: () => Symbol("s"),
    "toJSON that throws": () => ({ toJSON() { throw new Error("no"); } }),
    "a then that is a getter and throws": () => ({ get then(): never { throw new Error("a trap"); } }),
    "a then that settles twice": () => ({ then(resolve: (value: unknown) => void, reject: (error: unknown) => void) { resolve(3); reject(new Error("no")); } }),
    "a then that throws": () => ({ then() { throw new Error("thrown by then"); } }),
  };

  test("A49 A52 becomes exactly one response: the result, or an error that is never empty", async () => {
    await using service = await startService((request) => outcomes[request.args as string]?.());
    await using client = await service.connect();
    const got: Record<string, unknown> = {};
    for (const name of Object.keys(outcomes)) {
      const { id, error, result } = await ask(client, "x", name);
      expect(id).toBe("x");
      got[name] = error === "" ? result : error;
    }
    expect(got).toEqual({
      value: 1,
      promise: [2],
      nothing: null,
      error: "it broke",
      code: "unknown_task: no such task",
      remote: "AcommError",
      empty: "Error",
      "type error": "TypeError",
      text: "just text",
      "empty text": "the handler failed without a message",
      undefined: "the handler failed without a message",
      object: "the handler failed without a message",
      rejection: "later",
      "empty rejection": "Error",
      circular: "bad_field: result cannot be written as JSON: Converting circular structure to JSON",
      bigint: "bad_field: result cannot be written as JSON: Do not know how to serialize a BigInt",
      function: "bad_field: result must be a JSON value, not a function",
      symbol: "bad_field: result must be a JSON value, not a symbol",
      "toJSON that throws": "bad_field: result cannot be written as JSON: no",
      "a then that is a getter and throws": "a trap",
      "a then that settles twice": 3,
      "a then that throws": "thrown by then",
    });
    expect(client.frames).toHaveLength(2 * Object.keys(outcomes).length);
    expect(service.service.inFlightCount).toBe(0);
  });

  test("a result over maxFrameBytes becomes an error response that says so", async () => {
    await using service = await startService((request) => "x".repeat(request.args as number), {}, { maxFrameBytes: 2000 });
    await using client = await service.connect();
    expect((await ask(client, "a", 3000)).error).toMatch(/^frame_too_large: a frame has 30\d\d bytes, the limit is 2000/);
    expect((await ask(client, "b", 1000)).result).toHaveLength(1000);
  });

  test("a stream that is attached goes with the result, and announces its end", async () => {
    await using service = await startService((request, { attachStream }) => {
      attachStream(request.id === "bad" ? "unix:relative" : parseUrl("unix:///run/s.sock", { streamEnd: "half-close" }));
      return 1;
    });
    await using client = await service.connect();
    expect(await ask(client, "a")).toMatchObject({ result: 1, stream_url: { Scheme: "unix", Path: "/run/s.sock" }, ext: { reply: true, streamEnd: "half-close" } });
    expect((await ask(client, "bad")).error).toMatch(/^bad_field: streamUrl/);
  });
});

describe("limits", () => {
  test("over maxInFlight a request is refused with overloaded, and taken again when one is done", async () => {
    const gate = createGate();
    await using service = await startService(() => gate.opened, { maxInFlight: 2 });
    await using client = await service.connect();
    for (const id of ["a", "b", "c"]) client.say(requestText(id));
    expect([await client.next(), await client.next()]).toEqual([acceptedReplyText, acceptedText]);
    expect(JSON.parse((await client.next()) ?? "")).toEqual({ error: "overloaded: the service has 2 requests under way: try again later", id: "", result: null, stream_url: null, ext: { keepAlive: true } });
    gate.open();
    await client.next();
    await client.next();
    client.say(requestText("c"));
    expect(await client.next()).toBe(acceptedText);
  });

  test("that make no sense are refused by name", () => {
    const listener = new UnixListener("/run/never.sock");
    expect(() => serve(listener, () => null, { maxInFlight: 0 })).toThrow("maxInFlight");
    expect(() => serve(listener, () => null, { hookTimeoutMs: Number.NaN })).toThrow("hookTimeoutMs");
  });

  test("L9 a caller that takes no answers is not asked for more, and gets all when it reads", async () => {
    let runs = 0;
    const result = "x".repeat(100_000);
    await using service = await startService(() => {
      runs += 1;
      return result;
    });
    await using client = await connectRaw(service.path);
    client.socket.pause();
    const count = 300;
    const request = encodeFrame(requestText("a", "y".repeat(1000)));
    for (let index = 0; index < count; index += 1) client.write(request);
    await stillness(() => runs);
    expect(runs).toBeGreaterThan(0);
    expect(runs).toBeLessThan(count);
    client.socket.resume();
    await until(() => client.frames.length === 2 * count);
    expect(runs).toBe(count);
  });
});
