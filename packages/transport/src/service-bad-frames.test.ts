import { encodeFrame } from "@acomm/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RawConnection } from "./fixtures/raw.ts";
import { requestText, startService } from "./fixtures/service.ts";
import type { TestService } from "./fixtures/service.ts";
import { until } from "./fixtures/until.ts";

const maxFrameBytes = 1000;
let service: TestService;
let runs = 0;
beforeAll(async () => {
  service = await startService((request) => {
    runs += 1;
    return request.args;
  }, {}, { maxFrameBytes, frameTimeoutMs: 100 });
});
afterAll(() => service[Symbol.asyncDispose]());

const errorOf = (text: string | undefined): string => (JSON.parse(text ?? "null") as { error: string }).error;

async function echoes(client: RawConnection): Promise<void> {
  client.say(requestText("echo", "still here"));
  expect(errorOf(await client.next())).toBe("");
  expect(JSON.parse((await client.next()) ?? "")).toMatchObject({ id: "echo", result: "still here" });
}

describe("a frame that is refused leaves the connection usable", () => {
  for (const [what, bytes, error] of [
    ["A7 {", "7b", /^bad_json: /],
    ["A20 null", Buffer.from("null").toString("hex"), /^bad_json: the message must be a JSON object, but is null/],
    ["A21 []", Buffer.from("[]").toString("hex"), /^bad_json: .*an array/],
    ["A21 \"x\"", Buffer.from('"x"').toString("hex"), /^bad_json: .*a string/],
    ["A21 1", Buffer.from("1").toString("hex"), /^bad_json: .*a number/],
    ["A21 true", Buffer.from("true").toString("hex"), /^bad_json: .*a boolean/],
    ["A22 {}", Buffer.from("{}").toString("hex"), /^bad_field: id must be/],
    ["A23 bytes that are not UTF-8", "7b226964223a22ff227d", /^bad_json: the message is not UTF-8/],
    ["A25 a byte order mark", `efbbbf${Buffer.from(requestText("a")).toString("hex")}`, /^bad_json: /],
    ["UTF-16", Buffer.from(requestText("a"), "utf16le").toString("hex"), /^bad_json: /],
    ["an overlong slash", Buffer.from(requestText("a").replace("a", "\u00c0\u00af"), "latin1").toString("hex"), /^bad_json: the message is not UTF-8/],
    ["an encoded surrogate", Buffer.from(requestText("a").replace("a", "\u00ed\u00a0\u0080"), "latin1").toString("hex"), /^bad_json: the message is not UTF-8/],
    ["A27 a repeated id, of which the last one counts", Buffer.from('{"id":"a","task":"t","id":""}').toString("hex"), /^bad_field: id .* is empty/],
    ["A28 a key in another case", Buffer.from('{"ID":"a","task":"t"}').toString("hex"), /^bad_field: /],
    ["A28 two spellings of one key", Buffer.from('{"id":"a","task":"t","responsehook":null,"responseHook":null}').toString("hex"), /^bad_field: responsehook and responseHook/],
    ["A31 A32 600 brackets", Buffer.from("[".repeat(600)).toString("hex"), /^bad_json: .*256 levels/],
    ["A35 a comma too many", Buffer.from('{"id":"a","task":"t",}').toString("hex"), /^bad_json: /],
    ["A35 a comment", Buffer.from('{"id":"a","task":"t"/**/}').toString("hex"), /^bad_json: /],
    ["A35 NaN", Buffer.from('{"id":"a","task":"t","args":NaN}').toString("hex"), /^bad_json: /],
    ["A36 a NUL after the message", Buffer.from('{"id":"a","task":"t"}\0').toString("hex"), /^bad_json: /],
    ["A36 two messages", Buffer.from('{"id":"a"}{"id":"b"}').toString("hex"), /^bad_json: /],
    ["A40 an id of 129 bytes", Buffer.from(requestText("x".repeat(129))).toString("hex"), /^bad_field: id must be at most 128 bytes/],
    ["A40 an id with a line feed", Buffer.from(requestText("a\nb")).toString("hex"), /^bad_field: id must not hold control characters/],
    ["A41 no task", Buffer.from('{"id":"a"}').toString("hex"), /^bad_field: task .* is missing/],
    ["A44 a hook that is a number", Buffer.from('{"id":"a","task":"t","responsehook":5}').toString("hex"), /^bad_field: responsehook/],
    ["A44 a hook that is an empty object", Buffer.from('{"id":"a","task":"t","responsehook":{}}').toString("hex"), /^bad_field: responsehook/],
    ["A54 a hook with a NUL", Buffer.from(requestText("a", null, { hook: "unix:///a%00b" })).toString("hex"), /^bad_field: responsehook .*NUL/],
    ["A55 a hook of 108 bytes", Buffer.from(requestText("a", null, { hook: `unix:///${"x".repeat(107)}` })).toString("hex"), /^bad_field: responsehook .*107 bytes/],
    ["A56 a hook with a host", Buffer.from(requestText("a", null, { hook: "unix://host/x" })).toString("hex"), /^bad_field: responsehook/],
    ["A56 a hook with a query", Buffer.from(requestText("a", null, { hook: "unix:///x?y#z" })).toString("hex"), /^bad_field: responsehook/],
    ["A56 a hook with a backslash", Buffer.from(requestText("a", null, { hook: "unix:\\x" })).toString("hex"), /^bad_field: responsehook/],
    ["A58 a hook at port 0", Buffer.from(requestText("a", null, { hook: "http://h:0/" })).toString("hex"), /^bad_field: responsehook/],
    ["A56 a hook with a relative path", Buffer.from(requestText("a", null, { hook: "unix:rel" })).toString("hex"), /^bad_field: responsehook/],
  ] as const) {
    test(what, async () => {
      const before = runs;
      await using client = await service.connect();
      client.write(encodeFrame(Buffer.from(bytes, "hex")));
      const text = (await client.next()) ?? "";
      expect(errorOf(text)).toMatch(error);
      expect(JSON.parse(text)).toMatchObject({ id: "", result: null, stream_url: null, ext: { keepAlive: true } });
      expect(runs).toBe(before);
      await echoes(client);
    });
  }

  test("A29 keys that name a prototype are plain keys, and come back as they were", async () => {
    await using client = await service.connect();
    const args = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    client.say(`{"id":"a","task":"t","args":${args},"ext":{"reply":true},"__proto__":{"polluted":true,"task":"u"}}`);
    expect(errorOf(await client.next())).toBe("");
    expect(await client.next()).toContain(`"result":${args}`);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("A8 exactly maxFrameBytes is taken", async () => {
    await using client = await service.connect();
    client.say(requestText("a").padEnd(maxFrameBytes, " "));
    expect(errorOf(await client.next())).toBe("");
  });

  test("the refusals stand in their order among the acknowledgements", async () => {
    await using client = await service.connect();
    client.write(Buffer.concat([encodeFrame(requestText("a")), encodeFrame("null"), encodeFrame(Buffer.of(0xff)), encodeFrame(requestText("b"))]));
    const texts = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(texts.map((text) => errorOf(text).split(":")[0])).toEqual(["", "bad_json", "bad_json", ""]);
  });
});

describe("broken framing is refused in a last acknowledgement, then the connection ends", () => {
  for (const [what, bytes, error] of [
    ["A6 no bytes", Buffer.from("00000000", "hex"), /^bad_frame: a frame has 0 bytes/],
    ["A8 one byte more than maxFrameBytes", encodeFrame(" ".repeat(maxFrameBytes + 1)), /^frame_too_large: a frame has 1001 bytes, the limit is 1000/],
    ["A9 the longest length there is", Buffer.from("ffffffff", "hex"), /^frame_too_large: a frame has 4294967295 bytes/],
    ["TLS", Buffer.from("16030100c8010000c40303", "hex"), /^frame_too_large: .*TLS on a framed socket/],
    ["A13 HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), /^frame_too_large: .*HTTP on a framed socket/],
  ] as const) {
    test(what, async () => {
      const before = runs;
      await using client = await service.connect();
      client.write(bytes);
      client.say(requestText("never"));
      const text = (await client.next()) ?? "";
      expect(errorOf(text)).toMatch(error);
      expect(text).not.toMatch("keepAlive");
      expect(await client.next()).toBeUndefined();
      expect(runs).toBe(before);
      await using other = await service.connect();
      await echoes(other);
    });
  }

  test("what came before it is acknowledged and answered first", async () => {
    await using client = await service.connect();
    client.write(Buffer.concat([encodeFrame(requestText("a")), Buffer.from("00000000", "hex")]));
    expect(errorOf(await client.next())).toBe("");
    await client.ended;
    expect(errorOf(client.frames.at(-1))).toMatch(/^bad_frame/);
  });

  test("A5 a part of a frame, then the end: at once, not when its time is up", async () => {
    await using patient = await startService(() => null);
    const startedAt = performance.now();
    for (const bytes of ["00", "0000", "000000", "000000097b"]) {
      await using client = await patient.connect();
      client.write(Buffer.from(bytes, "hex"));
      client.socket.end();
      expect(errorOf(await client.next())).toMatch(/^bad_frame: the peer ended the connection inside a frame/);
      expect(await client.next()).toBeUndefined();
      expect(await client.closed).toBe("");
    }
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test("A11 F24 a frame that is not complete in time", async () => {
    await using client = await service.connect();
    const startedAt = performance.now();
    client.write(Buffer.from("000000097b", "hex"));
    expect(errorOf(await client.next())).toBe("timeout: a frame was not complete within 100 ms of its first byte");
    expect(await client.next()).toBeUndefined();
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test("a refusal reaches a peer that is in the middle of a frame far too long", async () => {
    await using client = await service.connect();
    client.write(encodeFrame("x".repeat(8 * 1024 * 1024)));
    expect(errorOf(await client.next())).toMatch(/^frame_too_large/);
    expect(await client.next()).toBeUndefined();
  });
});

test("A4 a connection that says nothing and ends gets nothing", async () => {
  await using client = await service.connect();
  client.socket.end();
  expect(await client.next()).toBeUndefined();
  expect(await client.closed).toBe("");
});

test("A1 A2 A16 frames that come in any pieces are taken", async () => {
  await using client = await service.connect();
  const small = encodeFrame(requestText("a", null, { reply: false }));
  for (const byte of small) {
    client.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(errorOf(await client.next())).toBe("");
  const bytes = encodeFrame(requestText("a", "x".repeat(500)));
  for (let at = 0; at < bytes.length; at += 64) {
    client.write(bytes.subarray(at, at + 64));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(errorOf(await client.next())).toBe("");
  for (const cut of [1, 2, 3]) {
    client.write(bytes.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    client.write(bytes.subarray(cut));
  }
  for (let index = 0; index < 7; index += 1) expect(errorOf(await client.next())).toBe("");
});

test("A17 a request whose sender ends its side at once is acknowledged, and one that names no hook and wants its answer here is aborted", async () => {
  const aborted = Promise.withResolvers<string>();
  const gate = Promise.withResolvers<undefined>();
  await using slow = await startService(async (request, { signal }) => {
    signal.addEventListener("abort", () => { aborted.resolve(request.id); });
    await gate.promise;
    return null;
  });
  for (const [id, reply] of [["plain", false], ["here", true]] as const) {
    await using client = await slow.connect();
    client.say(requestText(id, null, { reply }));
    client.socket.end();
    expect(errorOf(await client.next())).toBe("");
    expect(await client.next()).toBeUndefined();
    expect(await client.closed).toBe("");
  }
  expect(await aborted.promise).toBe("here");
  gate.resolve(undefined);
  await until(() => slow.service.inFlightCount === 0);
});

test("a peer that breaks off within a frame, with acknowledgements unread, leaves nothing behind", async () => {
  for (let index = 0; index < 50; index += 1) {
    const client = await service.connect();
    client.socket.pause();
    client.write(Buffer.concat([encodeFrame(requestText("a")), Buffer.from("00000009", "hex"), Buffer.from('{"id"')]));
    client.socket.destroy();
    await client.closed;
  }
  await using client = await service.connect();
  await echoes(client);
  expect(service.service.inFlightCount).toBe(0);
});

test("A19 a peer that never reads its acknowledgements and leaves costs nothing that stays", async () => {
  for (let index = 0; index < 200; index += 1) {
    const client = await service.connect();
    client.socket.pause();
    client.say(requestText("a", null, { reply: false }));
    client.socket.destroy();
    await client.closed;
  }
  await using client = await service.connect();
  await echoes(client);
  expect(service.service.inFlightCount).toBe(0);
});

test("a limit that is shorter than an acknowledgement holds for messages alone, and a refusal is never long", async () => {
  await using tiny = await startService(() => null, {}, { maxFrameBytes: 10, maxConnections: 1 });
  await using client = await tiny.connect();
  client.say("{}");
  expect(errorOf(await client.next())).toMatch(/^bad_field/);
  client.write(Buffer.of(0)); // it has begun a frame, so it does not have to make room
  await using other = await tiny.connect();
  expect(errorOf(await other.next())).toMatch(/^overloaded/);
  client.write(Buffer.of(0, 0, 11));
  expect(errorOf(await client.next())).toMatch(/^frame_too_large/);
  await using wide = await startService(() => null);
  await using long = await wide.connect();
  long.say(`{"id":"a","task":"t","${"x".repeat(5000)}":1,"${"y".repeat(5000)}`);
  expect((await long.next())?.length).toBeLessThan(1200);
});
