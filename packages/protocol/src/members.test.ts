import { describe, expect, test } from "vitest";
import { refusal } from "./fixtures/refusal.ts";
import { decodeRequest, decodeResponse } from "./index.ts";

const url = '{"Scheme":"unix","Path":"/a"}';

describe("a message", () => {
  test("A20 null is bad_json, as a request and as a response", () => {
    for (const decode of [decodeRequest, decodeResponse]) {
      const error = refusal(() => decode("null"));
      expect([error.code, error.message]).toEqual(["bad_json", "the message must be a JSON object, but is null"]);
    }
  });

  test.each(["[]", '"x"', "1", "true", "false", '[{"id":"a"}]'])("A21 %s is bad_json", (text) => {
    expect(refusal(() => decodeRequest(text)).code).toBe("bad_json");
    expect(refusal(() => decodeResponse(text)).code).toBe("bad_json");
  });

  test("A22 an empty object is bad_field", () => {
    expect(refusal(() => decodeRequest("{}")).code).toBe("bad_field");
    expect(refusal(() => decodeResponse("{}")).code).toBe("bad_field");
  });

  test("A7 A23 A25 an open brace, bytes that are not UTF-8 and a byte order mark are bad_json", () => {
    for (const hex of ["7b", "7b226964223a22ff227d", `efbbbf${Buffer.from('{"id":"x","task":"t"}').toString("hex")}`]) {
      expect(refusal(() => decodeRequest(Buffer.from(hex, "hex"))).code).toBe("bad_json");
      expect(refusal(() => decodeResponse(Buffer.from(hex, "hex"))).code).toBe("bad_json");
    }
  });

  test("A27 of a repeated key the last one counts, in a request and in a response", () => {
    const request = decodeRequest('{"id":"a","task":"s","args":1,"id":"b","task":"t","args":2.0,"responsehook":5,"responsehook":null}');
    expect([request.id, request.task, request.args, request.raw?.text, request.responseHook]).toEqual(["b", "t", 2, "2.0", null]);
    expect(decodeResponse('{"id":"a","id":"b"}').id).toBe("b");
    expect(refusal(() => decodeRequest('{"id":"a","task":"t","id":""}')).code).toBe("bad_field");
  });

  test("an escaped key is the key that it spells", () => {
    expect(decodeRequest('{"\\u0069d":"a","t\\u0061sk":"t","arg\\u0073":[1]}')).toMatchObject({ id: "a", task: "t", args: [1], raw: { text: "[1]" } });
  });

  test.each(["ID", "Id", "Task", "RESPONSEHOOK", "ResponseHook", "Stream_URL", "StreamURL", "streamUrl", "ARGS", "TaskURL", "Ext", "ta\u017fk", "tas\u212a"])(
    "A28 the key %s, which differs from a known one only in case, is bad_field",
    (key) => {
      const error = refusal(() => decodeRequest(`{"id":"x","task":"t",${JSON.stringify(key)}:null}`));
      expect(error.code).toBe("bad_field");
      expect(error.message).toContain(`${JSON.stringify(key)} differs`);
    },
  );

  test("A28 two spellings of one key are bad_field that names both", () => {
    const error = refusal(() => decodeRequest(`{"id":"x","task":"t","responsehook":${url},"responseHook":${url}}`));
    expect([error.code, error.message]).toEqual(["bad_field", "responsehook and responseHook are two spellings of one key: send one of them"]);
    expect(refusal(() => decodeRequest('{"id":"x","task":"t","streamURL":null,"stream_url":null}')).code).toBe("bad_field");
    expect(refusal(() => decodeResponse('{"id":"x","stream_url":null,"streamURL":null}')).code).toBe("bad_field");
  });

  test("the spellings of later revisions of the original are taken", () => {
    const request = decodeRequest(`{"id":"x","task":"t","responseHook":"unix:///hook","streamURL":${url},"taskURL":"http://h/run"}`);
    expect([request.responseHook?.href, request.streamUrl?.href, request.taskUrl?.href]).toEqual(["unix:///hook", "unix:///a", "http://h/run"]);
    expect(decodeResponse('{"id":"x","streamURL":"unix:///a"}').streamUrl?.href).toBe("unix:///a");
  });

  test("unknown keys are ignored, and __proto__ among them (A29)", () => {
    const request = decodeRequest('{"__proto__":{"polluted":true,"task":"evil"},"constructor":{"prototype":{"polluted":true}},"id":"x","task":"t","extra":{"deep":[1]}}');
    expect([request.id, request.task]).toEqual(["x", "t"]);
    expect(Object.getPrototypeOf(request)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(refusal(() => decodeRequest('{"__proto__":{"id":"x","task":"t"}}')).code).toBe("bad_field");
  });

  test("A36 two objects, or anything after the object, are bad_json", () => {
    for (const tail of ['{"id":"b"}', "x", ",", "}", "\u0000", "\u00a0"]) {
      expect(refusal(() => decodeRequest(`{"id":"a","task":"t"}${tail}`)).code).toBe("bad_json");
      expect(refusal(() => decodeResponse(`{"error":"","id":"a","result":null,"stream_url":null}${tail}`)).code).toBe("bad_json");
    }
  });

  test("A38 a mebibyte of white space around the object is no harm", () => {
    const space = " ".repeat(1024 * 1024);
    expect(decodeRequest(`${space}{"id":"a","task":"t"}${space}`).id).toBe("a");
    expect(refusal(() => decodeRequest(`${space}{}`)).code).toBe("bad_field");
  });

  test.each(["[]", "true", '"keepAlive"', "1"])("ext that is %s is bad_field", (ext) => {
    expect(refusal(() => decodeRequest(`{"id":"x","task":"t","ext":${ext}}`)).message).toMatch(/^ext must be an object/);
  });

  test("ext is kept as it came, and null is none", () => {
    expect(decodeRequest('{"id":"x","task":"t","ext":{"timeout":5,"unknown":[1]}}').ext).toEqual({ timeout: 5, unknown: [1] });
    expect(decodeRequest('{"id":"x","task":"t","ext":null}').ext).toBeUndefined();
  });
});

describe("streamEnd (wire 2.2)", () => {
  const response = (end: string, target = url): string => `{"id":"x","stream_url":${target},"ext":{"streamEnd":${end}}}`;

  test("half-close marks the stream's URL; any other value is none", () => {
    expect(decodeResponse(response('"half-close"')).streamUrl?.streamEnd).toBe("half-close");
    expect(decodeResponse(response('"half-close"', '"unix:///a"')).streamUrl?.streamEnd).toBe("half-close");
    for (const end of ["true", '"close"', "null"]) expect(decodeResponse(response(end)).streamUrl?.streamEnd).toBeUndefined();
  });

  test("says nothing of a stream over HTTP, nor of the response hook", () => {
    expect(decodeResponse(response('"half-close"', '"http://h/"')).streamUrl?.streamEnd).toBeUndefined();
    const request = decodeRequest(`{"id":"x","task":"t","responsehook":${url},"stream_url":${url},"ext":{"streamEnd":"half-close"}}`);
    expect([request.responseHook?.streamEnd, request.streamUrl?.streamEnd]).toEqual([undefined, "half-close"]);
  });
});
