import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { AcommError } from "./acomm-error.ts";
import { refusal } from "./fixtures/refusal.ts";
import {
  acceptedOnceText,
  createRequest,
  createResponse,
  decodeAcknowledgement,
  decodeRequest,
  decodeResponse,
  decodeUrl,
  decodeUtf8,
  encodeFrame,
  encodeRequest,
  encodeResponse,
  encodeUrl,
  FrameDecoder,
  parseUrl,
} from "./index.ts";
import { memberSpans } from "./json-text.ts";

interface EncodeRow {
  readonly name: string;
  readonly kind: "request" | "response";
  readonly given: { readonly id: string; readonly streamUrl: string; readonly task: string; readonly args: string; readonly responseHook: string; readonly error: string; readonly result: string };
  readonly frameHex: string;
  readonly json: string;
}

interface DecodeRow {
  readonly kind: "request" | "response";
  readonly json: string;
  readonly ok: boolean;
  readonly id: string;
  readonly task?: string;
  readonly error?: string;
  readonly raw?: string;
  readonly responseHook?: string;
  readonly streamUrl?: string;
}

type GoUrl = Readonly<Record<string, unknown>>;

interface UrlRow {
  readonly in: string;
  readonly ok: boolean;
  readonly string?: string;
  readonly wire?: GoUrl;
}

const vectors = JSON.parse(readFileSync(new URL("./fixtures/go-acomm.json", import.meta.url), "utf8")) as {
  readonly encode: readonly EncodeRow[];
  readonly decode: readonly DecodeRow[];
  readonly urls: readonly UrlRow[];
};

/** The text of `args` or `result` in a message. */
function rawOf(message: string): string {
  const span = memberSpans(message).find(({ key }) => key === "args" || key === "result");
  return message.slice(span?.start, span?.end);
}

/** A message without its args or result: the JSON of the envelope, its keys in their order. */
function envelopeOf(message: string): string {
  return JSON.stringify(JSON.parse(message), (key, value: unknown) => (key === "args" || key === "result" ? 0 : value));
}

/** What Go's encoder makes of a JSON text: no white space, and <, >, &, U+2028 and U+2029 escaped. */
function asGoWrites(text: string): string {
  const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+/gs, (part) => (part.startsWith('"') ? part.replace(/[<>&\u2028\u2029]/g, escape) : ""));
}

describe("what Go writes, we write", () => {
  const goEscapes = "Go escapes <, > and & in every string; we write them as they are";
  /** Every row whose bytes are not the same, though its meaning is. */
  const otherBytes: Readonly<Record<string, string>> = {
    "request with an http stream": goEscapes,
    "request with html characters in args": "Go escapes <, > and & in args; we keep their text",
    "request with line separators in args": "Go escapes U+2028 and U+2029 in args; we keep their text",
    "request with spaced args": "Go drops white space in args; we keep their text",
    "request with a task in unicode": goEscapes,
    "response with an error": goEscapes,
  };

  function encodeGiven({ kind, given }: EncodeRow): string {
    const text = kind === "request" ? given.args : given.result || "null";
    const value: unknown = JSON.parse(text);
    const raw = { text, value };
    if (kind === "request") {
      const { id, task } = given;
      return encodeRequest({ ...createRequest({ id, task, args: value, responseHook: given.responseHook || null, streamUrl: given.streamUrl || null }), raw });
    }
    if (given.id === "") return acceptedOnceText;
    return encodeResponse({ ...createResponse(given, { result: value, error: given.error, streamUrl: given.streamUrl || null }), raw });
  }

  test.each(vectors.encode.map((row) => ({ ...row, how: otherBytes[row.name] ?? "byte for byte" })))("$name: $how", (row) => {
    const text = encodeGiven(row);
    expect(envelopeOf(text)).toBe(envelopeOf(row.json));
    const given = (row.kind === "request" ? row.given.args : row.given.result) || "null";
    expect(rawOf(text)).toBe(given);
    expect(rawOf(row.json)).toBe(asGoWrites(given));
    expect(asGoWrites(text)).toBe(row.json);
    expect(text === row.json).toBe(!(row.name in otherBytes));
  });

  test.each(vectors.encode)("$name: Go's frame is the json behind its length, both ways", ({ json, frameHex }) => {
    expect(Buffer.from(encodeFrame(json)).toString("hex")).toBe(frameHex);
    const decoder = new FrameDecoder();
    expect(decoder.push(Buffer.from(frameHex, "hex")).map(decodeUtf8)).toEqual([json]);
    expect(decoder.isPartial).toBe(false);
  });

  test.each(vectors.encode.filter((row) => row.given.id !== ""))("$name: we read what was given, and pass it on as Go wrote it", (row) => {
    const { given, json } = row;
    const text = asGoWrites((row.kind === "request" ? given.args : given.result) || "null");
    if (row.kind === "request") {
      const request = decodeRequest(json);
      expect([request.id, request.task, request.raw?.text]).toEqual([given.id, given.task, text]);
      expect(asGoWrites(encodeRequest(request))).toBe(json);
    } else {
      const response = decodeResponse(json);
      expect([response.id, response.error, response.raw?.text]).toEqual([given.id, given.error, text]);
      expect(asGoWrites(encodeResponse(response))).toBe(json);
    }
  });

  test("acknowledgement of a response: its empty id is taken in an acknowledgement, not in a response", () => {
    const row = vectors.encode.find(({ given }) => given.id === "");
    expect(row?.json).toBe(acceptedOnceText);
    expect(decodeAcknowledgement(` ${acceptedOnceText}`)).toEqual({ error: "", keepAlive: false, reply: false, cancel: false });
    expect(refusal(() => decodeResponse(acceptedOnceText)).code).toBe("bad_field");
  });
});

describe("what Go takes, we take, and what Go refuses, we refuse", () => {
  type Verdict = "bad_json" | { readonly field: string } | Readonly<Record<string, unknown>>;
  /** Every message that we judge otherwise than Go: our verdict, and why (wire 1.1). */
  const differences: readonly (readonly [kind: "request" | "response", json: string, verdict: Verdict, why: string])[] = [
    ["request", '{"ID":"x","TASK":"t","ResponseHook":{"scheme":"unix","path":"/a"}}', { field: '"ID"' }, "stricter (A28): a key that differs only in case"],
    ["request", '{"id":"x","task":"t","responsehook":"unix:///a"}', { id: "x", task: "t", responseHook: "unix:///a" }, "more lenient: a URL may be a plain string"],
    ["request", '{"id":"x","task":null}', { field: "task" }, "stricter (A41): task must be a string, not empty"],
    ["request", "{}", { field: "id" }, "stricter (A22, A40): id must be a string, not empty"],
    [
      "request",
      '{"id":"x","task":"t","responsehook":{"Scheme":"http","Host":"h:80","Path":"/a b","RawPath":"/a%20b","RawQuery":"q=1","Fragment":"f","User":{}}}',
      { id: "x", task: "t", responseHook: "http://h/a%20b?q=1#f" },
      "the empty User, which is what Go leaves of credentials, is null: no @ before the host",
    ],
    ["request", '{"id":"x","task":"t","responsehook":{"Scheme":"http","Opaque":"//h/p"}}', { field: "responsehook" }, "stricter: a URL with Opaque"],
    ["request", '{"id":"x","task":"t","responsehook":{}}', { field: "responsehook" }, "stricter (A44): a URL without a Scheme"],
    ["response", '{"ID":"x","RESULT":[1],"Error":"e"}', { field: '"ID"' }, "stricter (A28): a key that differs only in case"],
    ["response", '{"id":"x","stream_url":"unix:///tmp/x"}', { id: "x", streamUrl: "unix:///tmp/x" }, "more lenient: a URL may be a plain string"],
    ["response", '{"id":"x","stream_url":{"scheme":"unix","path":"/tmp/x"}}', { field: "stream_url" }, "stricter (A28): a key that differs only in case, inside a URL"],
    ["response", "{}", { field: "id" }, "stricter (A40): id must be a string, not empty"],
    ["response", '{"id":"x","streamURL":{"Scheme":"unix","Path":"/x"}}', { id: "x", streamUrl: "unix:///x" }, "more lenient: the spelling of later revisions is taken"],
    ["response", '{"id":"x","result":1,"error":"both"}', { field: "error and result" }, "stricter (A48): both a result and an error"],
  ];
  const differenceOf = (row: DecodeRow): (typeof differences)[number] | undefined => differences.find(([kind, json]) => kind === row.kind && json === row.json);

  /** What a message says, in the words of the vectors; URLs as the URL type writes them. */
  function read(row: DecodeRow): Readonly<Record<string, unknown>> {
    if (row.kind === "request") {
      const { id, task, responseHook, streamUrl, raw } = decodeRequest(row.json);
      return { id, task, responseHook: responseHook?.href, streamUrl: streamUrl?.href, raw: rawText(raw?.text) };
    }
    const { id, error, streamUrl, raw } = decodeResponse(row.json);
    return { id, error: error === "" ? undefined : error, streamUrl: streamUrl?.href, raw: rawText(raw?.text) };
  }

  // the vectors leave null out
  const rawText = (text: string | undefined): string | undefined => (text === "null" ? undefined : text);
  const href = (text: string | undefined): string | undefined => (text === undefined ? undefined : new URL(text).href);

  test.each(vectors.decode.filter((row) => row.ok && differenceOf(row) === undefined))("both take the $kind $json", (row) => {
    const { kind, id, task, error, raw } = row;
    const said = { id, responseHook: href(row.responseHook), streamUrl: href(row.streamUrl), raw };
    expect(read(row)).toEqual(kind === "request" ? { ...said, task } : { ...said, error });
  });

  test.each(vectors.decode.filter((row) => !row.ok && differenceOf(row) === undefined))("both refuse the $kind $json", (row) => {
    expect(["bad_json", "bad_field"]).toContain(refusal(() => read(row)).code);
  });

  test.each(differences)("we differ on the %s %s: %j, %s", (kind, json, verdict) => {
    const row = vectors.decode.find((each) => each.kind === kind && each.json === json);
    expect(row, "a row of the vectors").toBeDefined();
    if (typeof verdict === "object" && "field" in verdict) {
      const error = refusal(() => read(row!));
      expect([error.code, /^(.*?)(?::| must| has| differs)/.exec(error.message)?.[1]]).toEqual(["bad_field", verdict.field]);
      expect(row?.ok).toBe(true);
    } else {
      expect(JSON.parse(JSON.stringify(read(row!)))).toEqual(verdict);
    }
  });

  test("A20 null, which kills Go and so is not among the vectors, is bad_json", () => {
    expect(refusal(() => decodeRequest("null")).code).toBe("bad_json");
    expect(refusal(() => decodeResponse("null")).code).toBe("bad_json");
  });
});

describe("a URL means the same target as in Go", () => {
  /** Every URL that Go takes and we refuse, as text and, unless it says otherwise, as Go's object. */
  const refused: Readonly<Record<string, { readonly why: string; readonly objectToo: boolean }>> = {
    "unix://asdf": { why: "a unix URL has no host", objectToo: true },
    "mailto:x@y": { why: "opaque", objectToo: true },
    "unix:///tmp/a?x=1": { why: "a unix URL has no query", objectToo: true },
    "/just/path": { why: "no scheme", objectToo: true },
    "http://h/p#f": { why: "Go takes # for a part of the path, the URL type for a fragment; as an object it means Go's path", objectToo: false },
    "http://user:pa%20ss@h/x": { why: "credentials; the object, from which Go has dropped them, is taken", objectToo: false },
    "http:///path": { why: "a web URL names a host", objectToo: true },
    "http://:8080/path": { why: "a web URL names a host", objectToo: true },
    "unix://": { why: "a unix URL names a path", objectToo: true },
    "unix:///": { why: "a unix URL names a file, not the root", objectToo: true },
  };
  /** URLs whose `href` is spelled otherwise than Go writes them, while the wire form is Go's. */
  const respelled: Readonly<Record<string, string>> = {
    "unix:/tmp/a": "href has three slashes",
    "HTTP://EXAMPLE.com/%7Efoo": "href has the host in lower case",
    "http://h": "href has the path /",
    "foobar://": "href keeps the slashes",
    "https://h:443/x?y=1&z=%20": "href leaves the default port out",
    "http://[::1]:80/p": "href leaves the default port out",
    "http://h/../x": "href has the dot segments resolved",
    "http://h/a/./b": "href has the dot segments resolved",
    "http://bücher/x": "href has the host in ASCII, xn--bcher-kva",
  };
  const goPath = (wire: GoUrl): string => String(wire["Path"]);
  const resolved = (path: string): string => decodeURIComponent(new URL(`unix://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`).pathname);

  function sameTarget(url: URL, row: UrlRow, wire: GoUrl): void {
    const go = new URL(String(wire["Host"]) === "" ? row.string! : row.string!.replace("user:pa%20ss@", ""));
    expect([url.protocol, url.host]).toEqual([go.protocol, go.host]);
    expect(url.search.slice(1)).toBe(wire["RawQuery"]);
    expect(decodeURIComponent(url.pathname) || "/").toBe(resolved(goPath(wire)) || "/");
    expect(url.hash).toBe("");
  }

  const taken = vectors.urls.filter((row) => row.ok && !(row.in in refused));
  test.each(taken.map((row) => ({ ...row, how: respelled[row.in] ?? "spelled alike" })))("$in is taken, its wire form is Go's; $how", (row) => {
    const url = parseUrl(row.in);
    expect(encodeUrl(url)).toBe(JSON.stringify(row.wire));
    expect(encodeUrl(row.in)).toBe(JSON.stringify(row.wire));
    sameTarget(url, row, row.wire!);
    const received = decodeUrl(row.wire, "url");
    expect([received?.href, received?.toWire()]).toEqual([url.href, JSON.stringify(row.wire)]);
    expect(url.href === row.string).toBe(!(row.in in respelled));
  });

  test.each(vectors.urls.filter((row) => !row.ok))("$in is refused, as by Go", (row) => {
    expect(refusal(() => parseUrl(row.in)).code).toBe("bad_field");
  });

  test.each(Object.entries(refused).map(([given, { why, objectToo }]) => ({ given, why, objectToo })))("$given is refused, though Go takes it: $why", ({ given, objectToo }) => {
    const row = vectors.urls.find((each) => each.in === given && each.ok)!;
    expect(refusal(() => parseUrl(given)).code).toBe("bad_field");
    if (objectToo) {
      expect(refusal(() => decodeUrl(row.wire, "url"))).toBeInstanceOf(AcommError);
      return;
    }
    const url = decodeUrl(row.wire, "url")!;
    sameTarget(url, row, row.wire!);
    expect(JSON.parse(url.toWire())).toEqual({ ...row.wire, User: null });
  });
});
