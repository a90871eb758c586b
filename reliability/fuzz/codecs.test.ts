import {
  AcommError,
  createRequest,
  createResponse,
  decodeAcknowledgement,
  decodeRequest,
  decodeResponse,
  decodeUrl,
  encodeFrame,
  encodeRequest,
  encodeResponse,
  encodeUrl,
  FrameDecoder,
  isAnswer,
  parseUrl,
  socketPathOf,
} from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { StreamSigner } from "@acomm/transport";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCorpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import { createRandom } from "./random.ts";

const seed = 20_261;
const corpus = readCorpus("/run/acomm");
const entries = [...corpus.payloads.values()];

/** What `action` gives, or the code of its refusal. @throws whatever is no AcommError */
function outcomeOf<Value>(action: () => Value): Value | string {
  try {
    return action();
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}

const mutants = fc.integer().map((number) => {
  const random = createRandom(number);
  return random.chance(0.1) ? random.pick(entries) : mutate(random, random.pick(entries), entries);
});

describe("the frame decoder", () => {
  const maxFrameBytes = 100;
  const lengths = fc.oneof(fc.nat(maxFrameBytes), fc.constantFrom(0, 99, 100, 101, 2 ** 31, 2 ** 32 - 1));
  const framed = fc.tuple(lengths, fc.uint8Array({ maxLength: maxFrameBytes })).map(([length, bytes]) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    return Buffer.concat([header, bytes]);
  });
  const good = fc.uint8Array({ minLength: 1, maxLength: maxFrameBytes });
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
  const cutAt = (stream: Buffer, places: readonly number[]): Buffer[] => {
    const at = places.map((place) => Math.floor(place * stream.length)).sort((a, b) => a - b);
    return [0, ...at].map((start, index) => stream.subarray(start, at[index] ?? stream.length));
  };
  /** The frames of a stream, and the code of what ended it. */
  const scanned = (pieces: readonly Buffer[]): { readonly frames: readonly string[]; readonly end: string } => {
    const decoder = new FrameDecoder({ maxFrameBytes });
    const frames: string[] = [];
    let arrived = 0;
    for (const piece of pieces) {
      const before = frames.length;
      const code = outcomeOf(() => { decoder.scan(piece, (source, start, end) => frames.push(Buffer.from(source.subarray(start, end)).toString("hex"))); });
      if (code !== undefined) return { frames, end: code };
      arrived = frames.length === before ? arrived + piece.length : piece.length;
      expect(decoder.heldBytes).toBeLessThanOrEqual(Math.min(arrived, 4 + maxFrameBytes));
      expect(decoder.isPartial).toBe(decoder.heldBytes > 0);
    }
    return { frames, end: decoder.isPartial ? "partial" : "whole" };
  };

  test("says the same of any bytes however they are cut, by scan and by push, and never holds more than has come", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(framed, fc.uint8Array({ maxLength: 20 }), good.map((bytes) => encodeFrame(bytes))), { maxLength: 8 }), cuts, (parts, places) => {
        const stream = Buffer.concat(parts);
        const whole = scanned([stream]);
        const pieces = cutAt(stream, places);
        expect(scanned(pieces)).toEqual(whole);
        const decoder = new FrameDecoder({ maxFrameBytes });
        const pushed: string[] = [];
        const code = outcomeOf(() => { for (const piece of pieces) for (const frame of decoder.push(piece)) pushed.push(Buffer.from(frame).toString("hex")); });
        // push loses what stood before the error in its last chunk
        expect(code === undefined ? pushed : whole.frames.slice(0, pushed.length)).toEqual(code === undefined ? whole.frames : pushed);
        if (code !== undefined) expect(code).toBe(whole.end);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test("gives a valid stream of frames whole, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(good, { minLength: 1, maxLength: 10 }), cuts, (payloads, places) => {
        const stream = Buffer.concat(payloads.map((payload) => encodeFrame(payload)));
        expect(scanned(cutAt(stream, places))).toEqual({ frames: payloads.map((payload) => Buffer.from(payload).toString("hex")), end: "whole" });
      }),
      { seed, numRuns: 1000 },
    );
  });
});

const partsOfRequest = ({ id, task, responseHook, streamUrl, taskUrl, raw, args }: Request): unknown[] => [id, task, responseHook?.href, streamUrl?.href, streamUrl?.streamEnd, taskUrl?.href, raw?.text ?? "null", args];
const partsOfResponse = ({ id, error, result, streamUrl, raw }: Response): unknown[] => [id, error, streamUrl?.href, streamUrl?.streamEnd, error === "" ? (raw?.text ?? "null") : "null", result];

describe("the message codec", () => {
  const json = fc.jsonValue().map((value) => JSON.stringify(value));
  const number = fc.constantFrom("0", "-0", "1e400", "1.0", "9007199254740993", "1E-7", "7".repeat(400));
  const value = fc.oneof(json, number, fc.constantFrom('"x"', '"é\\ud800"', "null", "{}", '{"reply":true}', '{"keepAlive":true,"reply":true}', '{"Scheme":"unix","Path":"/a"}', '"unix:///a%20b"', '"http://h/%2f?x"', '"half-close"', '{"streamEnd":"half-close"}'));
  const key = fc.oneof(fc.constantFrom("id", "task", "args", "ext", "error", "result", "responsehook", "responseHook", "stream_url", "streamURL", "taskURL", "i\\u0064", "ID", "__proto__"), fc.string().map((text) => JSON.stringify(text).slice(1, -1)));
  const space = fc.constantFrom("", " ", "\n\t");
  /** Objects with keys that mean something, in any order and number, with white space anywhere. */
  const grammatical = fc.tuple(fc.array(fc.tuple(key, value), { maxLength: 6 }), space, fc.boolean()).map(([members, gap, isNamed]) => {
    const all = isNamed ? [["id", '"a"'], ["task", '"t"'], ...members] : members;
    return `${gap}{${gap}${all.map(([name, text]) => `"${name ?? ""}"${gap}:${gap}${text ?? ""}`).join(`${gap},${gap}`)}${gap}}${gap}`;
  });
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mutants },
    { weight: 3, arbitrary: grammatical.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }).map((text) => Buffer.from(text)) },
  );

  test("gives a value or bad_json or bad_field, whatever it reads, and the same for bytes, for text and for a piece of a text", () => {
    fc.assert(
      fc.property(inputs, fc.string({ unit: "binary", maxLength: 5 }), (bytes, around) => {
        for (const decode of [decodeRequest, decodeResponse, decodeAcknowledgement] as ((message: string | Uint8Array) => unknown)[]) {
          const outcome = outcomeOf(() => decode(bytes));
          if (typeof outcome === "string") expect(outcome).toMatch(/^bad_(json|field)$/);
          const text = bytes.toString();
          if (Buffer.from(text).equals(bytes)) expect(outcomeOf(() => decode(text))).toEqual(outcome);
        }
        const text = `${around}${bytes.toString()}${around}`;
        expect(outcomeOf(() => decodeRequest(text, around.length, text.length - around.length))).toEqual(outcomeOf(() => decodeRequest(bytes.toString())));
        const verdict = outcomeOf(() => isAnswer(bytes.toString()));
        if (typeof verdict === "string") expect(verdict).toMatch(/^bad_(json|field)$/);
      }),
      { seed, numRuns: 4000 },
    );
  });

  test("writes what it has read as it was: the same parts, the same text of args and result", () => {
    let requests = 0;
    let responses = 0;
    fc.assert(
      fc.property(inputs, (bytes) => {
        const request = outcomeOf(() => decodeRequest(bytes));
        if (typeof request !== "string") {
          requests += 1;
          const text = encodeRequest(request);
          expect(partsOfRequest(decodeRequest(text))).toEqual(partsOfRequest(request));
          expect(encodeRequest(decodeRequest(text))).toBe(text);
        }
        const response = outcomeOf(() => decodeResponse(bytes));
        if (typeof response !== "string") {
          responses += 1;
          const text = encodeResponse(response);
          expect(partsOfResponse(decodeResponse(text))).toEqual(partsOfResponse(response));
          expect(encodeResponse(decodeResponse(text))).toBe(text);
        }
      }),
      { seed: seed + 1, numRuns: 4000 },
    );
    expect(Math.min(requests, responses)).toBeGreaterThan(200); // enough of them can be read
  });

  test("reads what it has written, of any request and response that can be made", () => {
    const name = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
    const url = fc.constantFrom(null, "unix:///a%20b/c.sock", "unix:/x", "http://h:80/%2f/ä?q=%zz#".slice(0, -1), "nats://h/x");
    fc.assert(
      fc.property(name, name, fc.jsonValue(), url, url, fc.boolean(), (id, task, args, responseHook, streamUrl, reply) => {
        const request = outcomeOf(() => createRequest({ id, task, args, responseHook, streamUrl }));
        if (typeof request === "string") {
          expect(request).toBe("bad_field");
          return;
        }
        expect(partsOfRequest(decodeRequest(encodeRequest(request, { reply })))).toEqual(partsOfRequest({ ...request, args: JSON.parse(JSON.stringify(args)) as unknown }));
        const response = createResponse(request, { result: args, streamUrl });
        const { error, result } = decodeResponse(encodeResponse(response, { reply }));
        expect([error, JSON.stringify(result)]).toEqual(["", JSON.stringify(args)]);
      }),
      { seed, numRuns: 2000 },
    );
  });
});

describe("the URL codec", () => {
  const piece = fc.oneof(fc.constantFrom("unix:", "http:", "https:", "x+y:", "//", "/", "///", "@", ":", "0", "65536", "?", "#", "%2f", "%2e%2e", "%00", "%", "..", ".", "\\", " ", "\t", "é", "\ud800", "[::1]", "xn--", "a", "①", "127.1"), fc.string({ unit: "binary", maxLength: 4 }));
  const text = fc.oneof(fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join("")), fc.tuple(fc.constantFrom("unix://", "unix:", "http://h", "https://", "x://"), fc.array(piece, { maxLength: 8 })).map(([head, pieces]) => head + pieces.join("")));
  const pieces = fc.array(piece, { maxLength: 6 }).map((some) => some.join(""));
  const path = fc.oneof(pieces.map((rest) => `/${rest}`), fc.constantFrom("", "/a", "/a b/c", "/%2F"));
  const odd = fc.oneof(pieces, fc.constantFrom(null, 5, true, {}, "x".repeat(8193)));
  const host = fc.oneof(fc.constantFrom("h", "h:80", "[::1]:1", "127.1", "①②⑦.⓪.⓪.①", "xn--n3h", "H", ""), pieces);
  const rawPath = fc.oneof(path, fc.constantFrom("/%61", "/a%20b/c", "/%2525"));
  const object = fc.oneof(
    fc.record({ Scheme: fc.constantFrom("unix", "UNIX"), Path: path, RawPath: rawPath, OmitHost: fc.boolean() }),
    fc.record({ Scheme: fc.constantFrom("http", "https", "x+y"), Host: host, Path: path, RawPath: rawPath, RawQuery: pieces, ForceQuery: fc.boolean(), Fragment: pieces, RawFragment: pieces }, { requiredKeys: ["Scheme", "Host"] }),
    fc.record({ Scheme: odd, Opaque: odd, User: fc.constantFrom(null, {}, { a: 1 }, "u"), Host: odd, Path: odd, RawPath: odd, OmitHost: odd, ForceQuery: odd, RawQuery: odd, Fragment: odd, RawFragment: odd, host: odd }, { requiredKeys: [] }),
  );
  /** What must hold of every URL that was taken. */
  const holds = (url: AcommUrl): void => {
    const wire = encodeUrl(url);
    const go = JSON.parse(wire) as Readonly<Record<string, string>>;
    const again = decodeUrl(JSON.parse(wire), "url");
    expect([again?.href, encodeUrl(again)]).toEqual([url.href, wire]);
    expect(parseUrl(url)).toBe(url);
    expect([url.username, url.password]).toEqual(["", ""]);
    expect(url.href.length).toBeLessThanOrEqual(3 * 8192);
    if (url.protocol !== "unix:") return;
    expect([socketPathOf(url), socketPathOf(url.href), socketPathOf(again ?? "")]).toEqual([go["Path"], go["Path"], go["Path"]]);
    expect(go["Path"]).toMatch(/^\//);
    expect(go["Path"]).not.toMatch(/\0|\/\.\.?(\/|$)/);
    expect(Buffer.byteLength(go["Path"] ?? "")).toBeLessThanOrEqual(107);
  };

  test("refuses a string with bad_field, or gives a URL that comes back the same and names the same file", () => {
    let taken = 0;
    fc.assert(
      fc.property(text, (given) => {
        const url = outcomeOf(() => parseUrl(given));
        expect(outcomeOf(() => decodeUrl(given, "url")?.href ?? null)).toEqual(typeof url === "string" ? url : url.href);
        if (typeof url === "string") {
          expect(url).toBe("bad_field");
          return;
        }
        taken += 1;
        holds(url);
      }),
      { seed, numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("refuses an object with bad_field, or gives a URL that comes back the same and names the same file", () => {
    let taken = 0;
    fc.assert(
      fc.property(object, (given) => {
        const url = outcomeOf(() => decodeUrl(given, "url"));
        if (typeof url === "string") {
          expect(url).toBe("bad_field");
          return;
        }
        taken += 1;
        expect(url).not.toBeNull();
        if (url !== null) holds(url);
      }),
      { seed, numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

describe("the stream signer", () => {
  const signer = new StreamSigner({ ttlMs: 3_600_000 });
  const target = parseUrl("unix:///run/acomm/s%20t.sock", { streamEnd: "half-close" });
  const query = signer.sign("http://127.0.0.1:1/stream?keep=1", target).search.slice(1);

  test("admits no query but the one that it has signed", () => {
    const keys = fc.constantFrom("addr", "end", "expires", "sig", "keep", "ADDR", "");
    const values = fc.oneof(fc.constantFrom("", "half-close", target.href, "unix:///etc/other", "1e99", "Infinity", "NaN", "-1", query.slice(-43)), fc.string({ unit: "binary" }));
    const made = fc.array(fc.tuple(keys, values), { maxLength: 6 }).map((pairs) => new URLSearchParams(pairs));
    const changed = fc.tuple(fc.nat(query.length), fc.nat(3), fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("&", "=", "%", "%00", "+", "&addr=x", "&expires=9", "&sig="))).map(([at, cut, piece]) => new URLSearchParams(query.slice(0, at) + piece + query.slice(at + cut)));
    let admitted = 0;
    fc.assert(
      fc.property(fc.oneof(made, changed, changed), (params) => {
        const url = outcomeOf(() => signer.verify(params));
        if (typeof url === "string") {
          expect(url).toBe("forbidden_target");
          return;
        }
        admitted += 1;
        // what was changed is not looked at
        expect([url.href, url.streamEnd]).toEqual([target.href, "half-close"]);
        const original = new URLSearchParams(query);
        for (const name of ["addr", "end", "expires", "sig"]) expect(params.get(name)).toBe(original.get(name));
      }),
      { seed, numRuns: 4000 },
    );
    expect(admitted).toBeGreaterThan(0);
  });

  test("admits whatever it has signed", () => {
    const path = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(path, fc.boolean(), (name, isAnnounced) => {
        const url = outcomeOf(() => parseUrl(`unix:///${encodeURIComponent(name.toWellFormed())}`, { streamEnd: isAnnounced ? "half-close" : undefined }));
        if (typeof url === "string") return;
        const verified = signer.verify(signer.sign("https://h/s?a=%zz", url).searchParams);
        expect([socketPathOf(verified), verified.streamEnd]).toEqual([socketPathOf(url), url.streamEnd]);
      }),
      { seed, numRuns: 1000 },
    );
  });
});
