import { describe, expect, test } from "vitest";
import { cancelledId, encodeCancel } from "./cancel.ts";
import { refusal } from "./fixtures/refusal.ts";
import { asksOf } from "./request-asks.ts";
import { createRequest } from "./request.ts";
import { CallFrames, decodeRequest, encodeRequest } from "./request-codec.ts";

const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=1" };
const head = '{"id":"a","task":"t","responsehook":null,"stream_url":null,"args":1';

describe("what a request asks for", () => {
  test("crosses the wire in ext, each by its own key", () => {
    const text = encodeRequest(createRequest({ id: "a", task: "t", args: 1 }), { timeoutMs: 12.3, progress: true, trace, hops: 2, reply: true });
    expect(text).toBe(`${head},"ext":{"reply":true,"timeout":13,"progress":true,"trace":${JSON.stringify(trace)},"hops":2}}`);
    expect(asksOf(decodeRequest(text))).toEqual({ timeoutMs: 13, progress: true, trace, hops: 2 });
  });

  test("is nothing where nothing is said, and not passed on by itself", () => {
    expect(asksOf(decodeRequest(`${head}}`))).toEqual({});
    expect(encodeRequest(decodeRequest(`${head},"ext":{"timeout":5,"hops":1}}`))).toBe(`${head}}`);
  });

  test.each([
    ['{"timeout":"5"}', "ext.timeout"],
    ['{"timeout":-1}', "ext.timeout"],
    ['{"timeout":1e999}', "ext.timeout"],
    ['{"hops":{}}', "ext.hops"],
  ])("%s is bad_field that names the key", (ext, key) => {
    expect(refusal(() => decodeRequest(`${head},"ext":${ext}}`))).toMatchObject({ code: "bad_field", message: expect.stringContaining(key) });
  });

  test("a time that no timer takes is the longest that one does", () => {
    expect(asksOf(decodeRequest(`${head},"ext":{"timeout":1e12}}`)).timeoutMs).toBe(2 ** 31 - 1);
  });

  test.each(["1", '{"traceparent":"x"}', `{"traceparent":"${trace.traceparent}","tracestate":5}`, `{"traceparent":"${trace.traceparent}","tracestate":"${"x".repeat(513)}"}`])("a trace of another form is none: %s", (text) => {
    expect(asksOf(decodeRequest(`${head},"ext":{"trace":${text}}}`)).trace).toBeUndefined();
  });

  test("a trace of another form is not sent", () => {
    expect(refusal(() => encodeRequest(createRequest({ task: "t" }), { trace: { traceparent: "x" } })).code).toBe("bad_field");
  });
});

describe("the time of a call in the common form", () => {
  const frames = new CallFrames("01234567-89ab-4cde-8f01-234");
  const encodeCall = (argsText: string, timeoutMs: number): string => frames.encode("t", argsText, timeoutMs).slice(4);

  test.each([1, 9, 10, 30_000, 2 ** 31 - 1])("%i is read as it was written, after any other", (timeoutMs) => {
    for (const one of [timeoutMs, 7, timeoutMs]) expect(decodeRequest(encodeCall("1", one)).ext).toEqual({ reply: true, timeout: one });
  });

  test.each(['"reply":true,"timeout":0', '"reply":true,"timeout":12345678901', '"reply":true,"timeout":1.5', '"reply":true,"timeout":3 '])("another spelling is read as well: %s", (members) => {
    const ext: unknown = JSON.parse(`{${members}}`);
    expect(decodeRequest(`${head},"ext":{${members}}}`).ext).toEqual(ext);
  });

  test.each(['"reply":true,"timeout":', '"reply":true,"timeout":007', '"reply":true,"timeout":+1'])("what is no JSON is refused: %s", (members) => {
    encodeCall("1", 7);
    expect(refusal(() => decodeRequest(`${head},"ext":{${members}}}`)).code).toBe("bad_json");
  });

  test("text that only looks like the end of a call is a part of its args", () => {
    const args = '"x,\\"ext\\":{\\"reply\\":true,\\"timeout\\":5}}"';
    expect(decodeRequest(encodeCall(args, 5)).args).toBe(JSON.parse(args));
  });
});

describe("a request that takes another one back", () => {
  test("names its id, and has an id of its own and no hook", () => {
    const request = decodeRequest(encodeCancel('a"b'));
    expect(request).toMatchObject({ task: "acomm.cancel", args: { id: 'a"b' }, responseHook: null, ext: undefined });
    expect(request.id).not.toBe(decodeRequest(encodeCancel('a"b')).id);
    expect(cancelledId(request)).toBe('a"b');
  });

  test.each([null, 1, {}, { id: 1 }, []])("without an id is bad_field: %j", (args) => {
    expect(refusal(() => cancelledId({ task: "acomm.cancel", args })).code).toBe("bad_field");
  });

  test("is not one of another task", () => {
    expect(cancelledId({ task: "other", args: { id: "a" } })).toBeUndefined();
  });
});
