import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AcommError } from "./acomm-error.ts";
import { parseUrl } from "./acomm-url.ts";
import { refusal } from "./fixtures/refusal.ts";
import { createRequest } from "./request.ts";
import type { Request } from "./request.ts";
import { CallFrames, decodeRequest, encodeRequest, numberEnd } from "./request-codec.ts";

const head = '{"id":"a","task":"t","responsehook":null,"stream_url":null,"args":';
const replyTail = ',"ext":{"reply":true}}';

/** A request, or the code of the error. */
function outcome(text: string, start?: number, end?: number): Request | string {
  try {
    return decodeRequest(text, start, end);
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}

test.each([
  ["an empty task", { task: "" }, "task"],
  ["a task that is no string", { task: 7 as unknown as string }, "task"],
  ["an id that is no string", { id: 7 as unknown as string }, "id"],
])("%s is refused when it is written, whatever was written before", (_, change, field) => {
  expect(() => encodeRequest({ ...createRequest({ task: "t" }), ...change })).toThrow(new RegExp(`^${field} must be a string`));
});

describe("encodeRequest", () => {
  test("writes the keys in the order of the original, with null for what is not there", () => {
    expect(encodeRequest(createRequest({ id: "a", task: "t" }))).toBe('{"id":"a","task":"t","responsehook":null,"stream_url":null,"args":null}');
    const full = createRequest({ id: "a", task: "t", args: { b: 1 }, responseHook: "unix:///h", streamUrl: "http://h/s", taskUrl: "unix:///p" });
    const text = encodeRequest(full);
    expect(Object.keys(JSON.parse(text) as object)).toEqual(["id", "task", "taskURL", "responsehook", "stream_url", "args"]);
    expect(decodeRequest(text)).toMatchObject({ id: "a", task: "t", args: { b: 1 } });
    expect(decodeRequest(text).taskUrl?.href).toBe("unix:///p");
  });

  test("writes id and task that need quoting as JSON", () => {
    const request = createRequest({ id: 'i"\\', task: "tä sk", args: 1 });
    expect(encodeRequest(request)).toBe('{"id":"i\\"\\\\","task":"tä sk","responsehook":null,"stream_url":null,"args":1}');
    expect(decodeRequest(encodeRequest(request))).toMatchObject({ id: 'i"\\', task: "tä sk" });
  });

  test("reply marks it, and hook takes the place of the request's own response hook", () => {
    const request = createRequest({ id: "a", task: "t", responseHook: "unix:///h" });
    expect(encodeRequest(request, { reply: true, hook: "null" })).toBe(`${head}null${replyTail}`);
    expect(encodeRequest(request, { hook: '"unix:///other"' })).toContain('"responsehook":"unix:///other"');
    expect(decodeRequest(encodeRequest(request, { reply: true })).responseHook?.href).toBe("unix:///h");
  });

  test("streamEnd is announced beside reply and alone (wire 2.2)", () => {
    const request = createRequest({ id: "a", task: "t", streamUrl: parseUrl("unix:///s", { streamEnd: "half-close" }) });
    expect(decodeRequest(encodeRequest(request)).ext).toEqual({ streamEnd: "half-close" });
    const both = decodeRequest(encodeRequest(request, { reply: true }));
    expect(both.ext).toEqual({ reply: true, streamEnd: "half-close" });
    expect(both.streamUrl?.streamEnd).toBe("half-close");
  });

  test("extensions that came with a request are not passed on", () => {
    const request = decodeRequest(`${head}1,"ext":{"reply":true,"timeout":5}}`);
    expect(encodeRequest(request)).toBe(`${head}1}`);
  });

  test.each([
    ["id", { id: "" }],
    ["task", { task: "a\nb" }],
    ["args", { args: 1n }],
    ["responseHook", { responseHook: Object.assign(parseUrl("http://h/"), { username: "u" }) }],
    ["streamUrl", { streamUrl: Object.assign(parseUrl("http://h/"), { hash: "x" }) }],
    ["taskUrl", { taskUrl: Object.assign(parseUrl("unix:///a"), { search: "x" }) }],
  ])("a bad %s is bad_field that names it", (field, change) => {
    const error = refusal(() => encodeRequest({ ...createRequest({ task: "t" }), ...change }));
    expect([error.code, error.message.split(" ")[0]]).toEqual(["bad_field", field]);
  });
});

describe("the frame of a call", () => {
  const frames = new CallFrames("01234567-89ab-4cde-8f01-234");
  const id = "01234567-89ab-4cde-8f01-234000000000";

  test.each(["t", "disk-info", "a task", "ä"])("is what encodeRequest writes for the task %s, whatever was written before", (task) => {
    for (const timeoutMs of [1, 30_000]) expect(frames.encode(task, '{"n":1}', timeoutMs)).toBe(`\0\0\0\0${encodeRequest(createRequest({ id, task, args: { n: 1 } }), { reply: true, timeoutMs })}`);
    expect(frames.blankId).toBe(id);
    expect(frames.encode(task, "1", 1).slice(0, numberEnd).endsWith(id)).toBe(true);
  });

  test.each([{ progress: true }, { trace: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: 'a="1"' } }, { progress: true, hops: 3 }, {}])("is what encodeRequest writes where it asks for %j", (asks) => {
    for (const timeoutMs of [1, 30_000]) expect(frames.encode("t", "1", timeoutMs, asks)).toBe(`\0\0\0\0${encodeRequest(createRequest({ id, task: "t", args: 1 }), { reply: true, timeoutMs, ...asks })}`);
  });

  test.each(["", "x".repeat(129), "a\0"])("is refused with the task %j", (task) => {
    frames.encode("t", "1", 5);
    expect(refusal(() => frames.encode(task, "1", 5)).message).toMatch(/^task must/);
    expect(frames.encode("t", "1", 5)).toContain('"task":"t"');
  });

  test("names its own task, of however many there are", () => {
    for (let turn = 0; turn < 2; turn += 1) for (let task = 0; task < 100; task += 1) expect(frames.encode(`task-${task}`, "1", 5)).toContain(`"task":"task-${task}"`);
  });
});

describe("args that are passed on", () => {
  const texts = [
    "9007199254740993",
    "1e400",
    "-1e400",
    "-0",
    "1.0",
    "1e-7",
    "1E+2",
    "0.10",
    '{"b":1,"a":2,"10":3,"9":4}',
    '{"a":1,"a":2}',
    '"\\u00e9\\ud83d\\ude00\\/\\u2028<&>"',
    '"\u2028é😀\u007f"',
    '"\\ud800"',
    '[ 1 ,\t2,\n{ "a" : [ ] } ]',
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    "null",
    '""',
    "[]",
  ];

  test.each(texts)("A30 %s keeps its text, byte for byte", (text) => {
    for (const message of [`${head}${text}}`, `${head}${text}${replyTail}`, ` {"args":${text},"task":"t","id":"a"} `, `{"id":"a","args": ${text}\n,"task":"t"}`]) {
      const request = decodeRequest(message);
      expect(request.raw?.text).toBe(text);
      expect(Object.is(request.raw?.value, request.args)).toBe(true);
      expect(encodeRequest(request)).toBe(`${head}${text}}`);
      expect(encodeRequest({ ...request, responseHook: null })).toBe(`${head}${text}}`);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each(texts.filter((text) => text !== "null"))("%s is written afresh in a copy with other args", (text) => {
    const request = decodeRequest(`${head}${text}}`);
    expect(encodeRequest({ ...request, args: ["other"] })).toBe(`${head}["other"]}`);
    expect(encodeRequest({ ...request, args: null })).toBe(`${head}null}`);
    expect(encodeRequest({ ...request, args: undefined })).toBe(`${head}null}`);
  });

  test("0 in place of -0 is another value, and an equal object is one too", () => {
    expect(encodeRequest({ ...decodeRequest(`${head}-0}`), args: 0 })).toBe(`${head}0}`);
    expect(encodeRequest({ ...decodeRequest(`${head}{"a":1.0}}`), args: { a: 1 } })).toBe(`${head}{"a":1}}`);
  });

  test("missing args are null and are written as null", () => {
    const request = decodeRequest('{"id":"a","task":"t"}');
    expect([request.args, request.raw]).toEqual([null, undefined]);
    expect(encodeRequest(request)).toBe(`${head}null}`);
  });
});

describe("decodeRequest", () => {
  test("reads bytes and text alike, whole and within others", () => {
    const inner = Buffer.from(`{}${encodeRequest(createRequest({ id: "a", task: "ä" }))}{}`);
    expect(decodeRequest(inner, 2, inner.length - 2)).toMatchObject({ id: "a", task: "ä" });
    const text = `${head}{"s":"é漢😀"}}`;
    expect(decodeRequest(new TextEncoder().encode(text))).toEqual(decodeRequest(text));
  });

  test("A43 a missing hook, or null, is null", () => {
    expect(decodeRequest('{"id":"a","task":"t"}').responseHook).toBeNull();
    expect(decodeRequest('{"id":"a","task":"t","responsehook":null,"taskURL":null}')).toMatchObject({ responseHook: null, taskUrl: null });
  });

  test.each(["5", '""', "[]", "{}", '{"Scheme":1}', "true"])("A44 a hook that is %s is bad_field", (hook) => {
    for (const key of ["responsehook", "responseHook", "stream_url", "taskURL"]) {
      const error = refusal(() => decodeRequest(`{"id":"x","task":"t","${key}":${hook}}`));
      expect(error.code).toBe("bad_field");
      expect(error.message.startsWith(key === "responseHook" ? "responsehook" : key)).toBe(true);
    }
  });

  test("A31 args 255 deep make a message 256 deep, which is taken; one more is bad_json", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    for (const [before, after] of [["", ""], [" ", ""], ["", replyTail.slice(0, -1)]] as const) {
      expect(decodeRequest(`${before}${head}${nested(255)}${after}}`).raw?.text).toBe(nested(255));
      expect(refusal(() => decodeRequest(`${before}${head}${nested(256)}${after}}`)).code).toBe("bad_json");
    }
  });

  test("A32 500 000 open brackets as args are bad_json, without a RangeError", () => {
    expect(refusal(() => decodeRequest(`${head}${"[".repeat(500_000)}}`)).code).toBe("bad_json");
    expect(refusal(() => decodeRequest(`${head}${"[".repeat(500_000)}${"]".repeat(500_000)}}`)).code).toBe("bad_json");
  });
});

describe("the short cut for the form that our own callers write means what the general decoder means", () => {
  const adversarial = [
    ',"ext":{"reply":true}}',
    '","task":"',
    '","responsehook":null,"stream_url":null,"args":',
    '{"id":"x","task":"y","responsehook":null,"stream_url":null,"args":1}',
    '\\"',
    "\\",
    "}",
    '}}{"',
  ];
  const text = fc.oneof(fc.constantFrom(...adversarial), fc.string(), fc.string({ unit: "binary" }));
  const value = fc.oneof(fc.jsonValue(), text, fc.array(text), fc.dictionary(text, text), fc.constant({ x: 1, ext: { reply: true } }));
  const space = fc.constantFrom("", " ", "\n\t", "\u00a0");
  const name = fc.oneof(fc.constantFrom("a", "disk-info", "", "x".repeat(128), "x".repeat(129)), text).map((each) => JSON.stringify(each));
  const ext = fc.oneof(
    fc.record({ reply: fc.boolean(), timeout: fc.oneof(fc.nat(), value), progress: fc.boolean(), trace: fc.oneof(fc.constant({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }), value), hops: fc.nat() }, { requiredKeys: [] }),
    fc.dictionary(text, value),
    fc.constantFrom([1], "x", { x: { ext: { reply: true } } }, { reply: true, more: "x".repeat(3000) }),
  );
  const spelledEnd = fc.constantFrom("}", replyTail, `${replyTail}}`, ',"ext":{"reply":true}} ', ',"args":2}', ',"id":"z"}', ',"ext":{"reply":true},"ext":{"reply":false}}', "");
  const end = fc.oneof(spelledEnd, ext.map((each) => `,"ext":${JSON.stringify(each)}}`));
  const message = fc
    .tuple(name, name, space, value, space, end)
    .map(([id, task, before, args, after, tail]) => `{"id":${id},"task":${task},"responsehook":null,"stream_url":null,"args":${before}${JSON.stringify(args)}${after}${tail}`);

  test("for any name and args, strings that hold pieces of the frame's own syntax included", () => {
    fc.assert(
      fc.property(message, (each) => {
        expect(outcome(each)).toStrictEqual(outcome(` ${each}`));
      }),
      { numRuns: 2000 },
    );
  });

  test("for any message that was damaged at a place", () => {
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom("", '"', "\\", "{", "}", "[", ",", ":", " ", "\u0000", '","task":"', replyTail, "null"));
    fc.assert(
      fc.property(message, damage, (each, [place, removed, inserted]) => {
        const at = place % (each.length + 1);
        const damaged = each.slice(0, at) + inserted + each.slice(at + removed);
        expect(outcome(damaged)).toStrictEqual(outcome(` ${damaged}`));
      }),
      { numRuns: 3000 },
    );
  });

  test("for any message that stands between others", () => {
    const neighbour = fc.oneof(message, fc.constantFrom("", "\0\0\0\u0001", "\0\0\u0001-", '"', "}"));
    fc.assert(
      fc.property(neighbour, message, neighbour, (before, each, after) => {
        expect(outcome(before + each + after, before.length, before.length + each.length)).toStrictEqual(outcome(` ${each}`));
      }),
      { numRuns: 2000 },
    );
  });

  test("in any order of the keys", () => {
    fc.assert(
      fc.property(value, (args) => {
        const argsText = JSON.stringify(args);
        const reordered = `{"args":${argsText},"stream_url":null,"responsehook":null,"task":"t","ext":{"reply":true},"id":"a"}`;
        expect(decodeRequest(`${head}${argsText}${replyTail}`)).toStrictEqual(decodeRequest(reordered));
      }),
      { numRuns: 500 },
    );
  });

  test("args with an ext of their own keep it", () => {
    const request = decodeRequest(`${head}{"x":1,"ext":{"reply":true}}}`);
    expect([request.args, request.ext]).toEqual([{ x: 1, ext: { reply: true } }, undefined]);
  });
});
