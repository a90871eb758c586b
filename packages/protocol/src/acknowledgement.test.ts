import { describe, expect, test } from "vitest";
import { acceptedOnceText, acceptedReplyText, acceptedText, decodeAcknowledgement, encodeRefusal, isAnswer } from "./acknowledgement.ts";
import { AcommError } from "./acomm-error.ts";
import { refusal } from "./fixtures/refusal.ts";
import { createResponse } from "./response.ts";
import { encodeResponse } from "./response-codec.ts";

const constants = [
  ["acceptedText", acceptedText, { error: "", keepAlive: true, reply: false, cancel: false }],
  ["acceptedReplyText", acceptedReplyText, { error: "", keepAlive: true, reply: true, cancel: true }],
  ["acceptedOnceText", acceptedOnceText, { error: "", keepAlive: false, reply: false, cancel: false }],
] as const;

describe("an acknowledgement that accepts", () => {
  test("acceptedText is the constant form of the protocol (wire 2.1)", () => {
    expect(acceptedText).toBe('{"error":"","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true}}');
  });

  test.each(constants)("%s means the same compared as a constant, read as JSON, and read from bytes", (_, text, meaning) => {
    expect(decodeAcknowledgement(text)).toEqual(meaning);
    expect(decodeAcknowledgement(` ${text}`)).toEqual(meaning);
    expect(decodeAcknowledgement(new TextEncoder().encode(text))).toEqual(meaning);
  });

  test("keepAlive, reply and cancel count only as true, and the last two only together with keepAlive", () => {
    const read = (ext: string): unknown => decodeAcknowledgement(`{"error":"","id":"","ext":${ext}}`);
    const once = { error: "", keepAlive: false, reply: false, cancel: false };
    expect(read('{"keepAlive":1,"reply":true}')).toEqual(once);
    expect(read('{"keepAlive":"true"}')).toEqual(once);
    expect(read('{"reply":true,"cancel":true}')).toEqual(once);
    expect(read("null")).toEqual(once);
    expect(read('{"keepAlive":true,"reply":1,"cancel":true}')).toEqual({ error: "", keepAlive: true, reply: false, cancel: true });
    expect(read('{"keepAlive":true,"reply":true}')).toEqual({ error: "", keepAlive: true, reply: true, cancel: false });
  });

  test("A48 one without an error, or with error null, accepts, as in the original", () => {
    expect(decodeAcknowledgement('{"id":"x"}').error).toBe("");
    expect(decodeAcknowledgement('{"error":null}').error).toBe("");
  });
});

describe("an acknowledgement that refuses", () => {
  test("says code and message, and whether the connection stays usable", () => {
    const error = new AcommError("unknown_task", 'no "disks" here\n');
    const kept = encodeRefusal(error, { keepAlive: true });
    expect(kept).toBe('{"error":"unknown_task: no \\"disks\\" here\\n","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true}}');
    expect(decodeAcknowledgement(kept)).toEqual({ error: 'unknown_task: no "disks" here\n', keepAlive: true, reply: false, cancel: false });
    const last = encodeRefusal(error, { keepAlive: false });
    expect(decodeAcknowledgement(last)).toEqual({ error: 'unknown_task: no "disks" here\n', keepAlive: false, reply: false, cancel: false });
  });

  test("A49 is never empty", () => {
    expect(decodeAcknowledgement(encodeRefusal(new Error(""), { keepAlive: true })).error).toBe("Error");
    expect(decodeAcknowledgement(encodeRefusal(undefined, { keepAlive: true })).error).not.toBe("");
  });

  test.each(["null", "[]", '"s"', "1", "", "{", `${acceptedText}x`, '{"error":""'])("A21 A36 %j is bad_json", (text) => {
    expect(refusal(() => decodeAcknowledgement(text)).code).toBe("bad_json");
  });

  test.each([
    ['{"error":{}}', "error"],
    ['{"error":5}', "error"],
    ['{"error":[]}', "error"],
    ['{"id":5}', "id"],
    ['{"ext":[]}', "ext"],
    ['{"ext":true}', "ext"],
    ['{"Error":"x"}', '"Error"'],
    ['{"ERROR":"x"}', '"ERROR"'],
  ])("A48 %s is bad_field that names the key, never silent success", (text, key) => {
    const error = refusal(() => decodeAcknowledgement(text));
    expect(error.code).toBe("bad_field");
    expect(error.message.startsWith(key)).toBe(true);
  });
});

describe("isAnswer", () => {
  const response = createResponse({ id: "a" }, { result: { text: '"reply"' } });

  test.each([
    ["a response marked by us", encodeResponse(response, { reply: true })],
    ["a failure marked by us", encodeResponse(createResponse({ id: "a" }, { error: "boom" }), { reply: true })],
    ["the mark among other extensions", '{"error":"","id":"a","result":1,"ext":{"progress":{"n":1},"reply":true},"stream_url":null}'],
    ["white space", '{"id":"a","ext":{"reply": true } }'],
    ["an escaped key", '{"id":"a","ext":{"re\\u0070ly":true}}'],
  ])("%s is one", (_, text) => {
    expect(isAnswer(text)).toBe(true);
  });

  test.each<readonly [string, string]>([
    ...constants.map(([name, text]) => [name, text] as const),
    ["a refusal", encodeRefusal(new AcommError("overloaded", 'say "reply" \u0007'), { keepAlive: true })],
    ["an acknowledgement in another order", '{"ext":{"reply":true,"keepAlive":true},"error":"","id":""}'],
    ["a response without the mark that speaks of it", encodeResponse(response)],
    ["the mark inside the result", '{"error":"","id":"a","result":{"ext":{"reply":true}},"stream_url":null}'],
    ["the mark at the end of a result that ends the message", '{"id":"a","result":{"x":1,"ext":{"reply":true}}}'],
    ["reply that is not true", '{"id":"a","ext":{"reply":1}}'],
    ["a later ext without it", '{"id":"a","ext":{"reply":true},"ext":{}}'],
  ])("%s is none", (_, text) => {
    expect(isAnswer(text)).toBe(false);
  });

  test("what must be read and cannot be is bad_json or bad_field", () => {
    expect(refusal(() => isAnswer('{"ext":{"reply":tru')).code).toBe("bad_json");
    expect(refusal(() => isAnswer('{"ext":"\\u0000"}')).code).toBe("bad_field");
  });
});
