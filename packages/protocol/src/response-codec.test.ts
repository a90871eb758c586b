import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptedReplyText } from "./acknowledgement.ts";
import { AcommError } from "./acomm-error.ts";
import { parseUrl } from "./acomm-url.ts";
import { refusal } from "./fixtures/refusal.ts";
import { parseMember } from "./json-text.ts";
import { createResponse } from "./response.ts";
import type { Response } from "./response.ts";
import { decodeResponse, encodeReply, encodeResponse, replyHead, replyResult } from "./response-codec.ts";

const head = '{"error":"","id":"a","result":';
const tail = ',"stream_url":null}';
const replyTail = ',"stream_url":null,"ext":{"reply":true}}';

function outcome(text: string): Response | string {
  try {
    return decodeResponse(text);
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}

describe("encodeResponse", () => {
  test("writes the keys in the order of the original", () => {
    expect(encodeResponse(createResponse({ id: "a" }, { result: { b: 1 } }))).toBe(`${head}{"b":1}${tail}`);
    expect(encodeResponse(createResponse({ id: "a" }, { error: 'no "b"' }))).toBe('{"error":"no \\"b\\"","id":"a","result":null,"stream_url":null}');
    expect(encodeResponse(createResponse({ id: "ä" }))).toBe('{"error":"","id":"ä","result":null,"stream_url":null}');
    const streamed = encodeResponse(createResponse({ id: "a" }, { result: 1, streamUrl: "unix:///s" }));
    expect(Object.keys(JSON.parse(streamed) as object)).toEqual(["error", "id", "result", "stream_url"]);
  });

  test("reply marks the answer on the connection, with an error and with a stream too", () => {
    expect(encodeResponse(createResponse({ id: "a" }, { result: 1 }), { reply: true })).toBe(`${head}1${replyTail}`);
    expect(decodeResponse(encodeResponse(createResponse({ id: "a" }, { error: "boom" }), { reply: true }))).toMatchObject({ error: "boom", ext: { reply: true } });
    const streamUrl = parseUrl("unix:///s", { streamEnd: "half-close" });
    expect(decodeResponse(encodeResponse(createResponse({ id: "a" }, { streamUrl }), { reply: true })).ext).toEqual({ reply: true, streamEnd: "half-close" });
    const plain = decodeResponse(encodeResponse(createResponse({ id: "a" }, { streamUrl })));
    expect([plain.ext, plain.streamUrl?.streamEnd]).toEqual([{ streamEnd: "half-close" }, "half-close"]);
  });

  test.each(["9007199254740993", "1e400", "-0", "1.0", '{"b":1,"a":2,"a":3}', '"\\u00e9\\/"', "[ 1 , 2 ]", '{"__proto__":{"polluted":true}}', "null"])(
    "A30 the result %s is passed on byte for byte, and written afresh in a copy with another",
    (text) => {
      for (const message of [`${head}${text}${tail}`, `${head}${text}${replyTail}`, ` {"result": ${text} ,"id":"a"}`]) {
        const response = decodeResponse(message);
        expect(response.raw?.text).toBe(text);
        expect(encodeResponse(response)).toBe(`${head}${text}${tail}`);
        expect(encodeResponse({ ...response, result: ["other"] })).toBe(`${head}["other"]${tail}`);
      }
    },
  );

  test("A48 both an error and a result are bad_field; an undefined result is none", () => {
    const response = createResponse({ id: "a" }, { error: "boom" });
    expect(refusal(() => encodeResponse({ ...response, result: 0 })).code).toBe("bad_field");
    expect(decodeResponse(encodeResponse({ ...response, result: undefined })).error).toBe("boom");
  });

  test("A52 results that are not JSON are bad_field, and undefined is null", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    for (const result of [circular, 1n, () => 1]) expect(refusal(() => encodeResponse(createResponse({ id: "a" }, { result }))).message).toMatch(/^result /);
    expect(encodeResponse(createResponse({ id: "a" }, { result: undefined }))).toBe(`${head}null${tail}`);
  });

  test("a bad id is bad_field", () => {
    expect(refusal(() => encodeResponse({ ...createResponse({ id: "a" }), id: "" })).message).toMatch(/^id /);
    expect(refusal(() => encodeResponse({ ...createResponse({ id: "a" }), id: "x".repeat(129) })).message).toMatch(/^id /);
  });
});

describe("decodeResponse", () => {
  test("reads bytes and text alike", () => {
    const text = `${head}"é漢😀"${tail}`;
    expect(decodeResponse(new TextEncoder().encode(text))).toEqual(decodeResponse(text));
  });

  test("A48 neither an error nor a result is success with null, as in the original", () => {
    for (const text of ['{"id":"a"}', '{"id":"a","error":null}', '{"id":"a","error":"","result":null}']) {
      expect(decodeResponse(text)).toMatchObject({ id: "a", error: "", result: null, streamUrl: null });
    }
  });

  test.each(["{}", "5", "[]", "true"])("A48 error that is %s is bad_field, never silent success", (error) => {
    expect(refusal(() => decodeResponse(`{"id":"a","error":${error}}`)).message).toMatch(/^error must be a string/);
  });

  test("A48 both an error and a result are bad_field that names them; an error with result null is a failure", () => {
    for (const result of ["1", "0", '""', "false", "{}"]) {
      expect(refusal(() => decodeResponse(`{"error":"boom","id":"a","result":${result},"stream_url":null}`)).message).toMatch(/^error and result/);
    }
    expect(decodeResponse('{"error":"boom","id":"a","result":null,"stream_url":null}').error).toBe("boom");
  });

  test.each(['"javascript:alert(1)"', '"data:,x"', '""', '"/etc/passwd"', "{}", "5", '{"Scheme":"javascript","Opaque":"alert(1)"}'])("A50 the stream URL %s is bad_field", (url) => {
    expect(refusal(() => decodeResponse(`{"id":"a","stream_url":${url}}`)).message).toMatch(/^stream_url /);
  });

  test("A31 a result 255 deep is taken, 256 deep is bad_json", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    for (const before of ["", " "]) {
      expect(decodeResponse(`${before}${head}${nested(255)}${tail}`).raw?.text).toBe(nested(255));
      expect(refusal(() => decodeResponse(`${before}${head}${nested(256)}${tail}`)).code).toBe("bad_json");
    }
  });
});

describe("the short cut for the form that our own services answer in means what the general decoder means", () => {
  const text = fc.oneof(fc.constantFrom(tail, replyTail, '","result":', '"', "\\", "}"), fc.string(), fc.string({ unit: "binary" }));
  const value = fc.oneof(fc.jsonValue(), text, fc.dictionary(text, text), fc.constant({ stream_url: null, ext: { reply: true } }));
  const space = fc.constantFrom("", " ", "\n", "\u00a0");
  const id = fc.oneof(fc.constantFrom("a", "", "x".repeat(129)), text).map((each) => JSON.stringify(each));
  const end = fc.constantFrom(tail, replyTail, `${tail}}`, ',"stream_url":null,"error":"late"}', ',"result":2,"stream_url":null}', "}");
  const message = fc
    .tuple(id, space, value, space, end)
    .map(([name, before, result, after, last]) => `{"error":"","id":${name},"result":${before}${JSON.stringify(result)}${after}${last}`);

  test("for any id and result", () => {
    fc.assert(
      fc.property(message, (each) => {
        expect(outcome(each)).toStrictEqual(outcome(` ${each}`));
      }),
      { numRuns: 2000 },
    );
  });

  test("for any message that was damaged at a place", () => {
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom("", '"', "\\", "{", "}", "[", ",", ":", " ", '","result":', tail, replyTail));
    fc.assert(
      fc.property(message, damage, (each, [place, removed, inserted]) => {
        const at = place % (each.length + 1);
        const damaged = each.slice(0, at) + inserted + each.slice(at + removed);
        expect(outcome(damaged)).toStrictEqual(outcome(` ${damaged}`));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("encodeReply", () => {
  test.each(["a", "ä b", "0b1f-1"])("writes what encodeResponse writes for a success with the id %s", (id) => {
    expect(encodeReply({ id }, '{"n":[1]}')).toBe(encodeResponse(createResponse({ id }, { result: { n: [1] } }), { reply: true }));
  });
});

describe("replyResult", () => {
  const resultOf = (text: string, before = "", after = ""): string | undefined => {
    const start = before.length + replyHead.length;
    return replyResult(before + text + after, start + "a".length, before.length + text.length);
  };

  test("gives the text of a plain success's result, wherever the response stands", () => {
    const text = encodeReply({ id: "a" }, '{"n":[1]}');
    for (const [before, after] of [["", ""], ["{}", ""], ["", text], [text, text]]) expect(resultOf(text, before, after)).toBe('{"n":[1]}');
  });

  test.each([
    ["an error", `{"error":"no","id":"a","result":null${replyTail}`],
    ["another key after the id", `{"error":"","id":"a","error":"boom","result":null${replyTail}`],
    ["a longer id", encodeReply({ id: "ab" }, "1")],
    ["a stream", '{"error":"","id":"a","result":1,"stream_url":"unix:///s","ext":{"reply":true}}'],
    ["progress", '{"error":"","id":"a","result":1,"stream_url":null,"ext":{"progress":1,"reply":true}}'],
    ["a response to a hook", encodeResponse(createResponse({ id: "a" }, { result: 1 }))],
    ["an acknowledgement", acceptedReplyText],
  ])("leaves %s to the general decoder", (_, text) => {
    expect(resultOf(text)).toBeUndefined();
  });

  test.each([`1,"error":"boom"`, `1,"result":2`, "{", ""])("what stands in its place, %s, is no value, and left to the general decoder", (text) => {
    expect(parseMember(resultOf(encodeReply({ id: "a" }, text)) ?? "")).toBeUndefined();
  });
});
