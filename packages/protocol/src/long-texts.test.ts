import { expect, test } from "vitest";
import { decodeAcknowledgement, isAnswer } from "./acknowledgement.ts";
import { AcommError, decodeErrorText, encodeErrorText } from "./acomm-error.ts";
import { decodeUrl, parseUrl } from "./acomm-url.ts";
import { checkName } from "./fields.ts";
import { parseJson } from "./json-text.ts";
import { decodeRequest } from "./request-codec.ts";
import { decodeResponse } from "./response-codec.ts";

/** Texts that make a careless expression try the same again and again. */
const pieces = ["a", " ", "/", "/.", "/..", "../", "%", "%2", "%25", "-", ":", "::", ";,.", "(", "'", "/(", "unix:///", "unix:///:", "\\", "\"", "{", "[", "{\"\":", "\"\\", "a@", "#", "?", "é", "\ud800", "\u017f"];
const size = 500_000;

const readers: readonly (readonly [name: string, read: (text: string) => unknown])[] = [
  ["parseUrl", (text) => parseUrl(`unix:///${text}`)],
  ["parseUrl, whole", (text) => parseUrl(text)],
  ["decodeUrl, its path", (text) => decodeUrl({ Scheme: "http", Host: "a", Path: `/${text}` }, "url")],
  ["decodeUrl, the rest", (text) => decodeUrl({ Scheme: text, Host: text, RawPath: `/${text}!`, RawQuery: text, Fragment: text, RawFragment: text }, "url")],
  ["checkName", (text) => checkName(text, "id")],
  ["decodeErrorText", (text) => decodeErrorText(`bad_address: ${text}`)],
  ["encodeErrorText of an address", (text) => encodeErrorText(new AcommError("bad_address", `${text} at unix:///${text} ${text}`))],
  ["encodeErrorText of a URL", (text) => encodeErrorText(new AcommError("unavailable", `unix:///${text}) ${text}`))],
  ["parseJson", (text) => parseJson(text)],
  ["decodeRequest", (text) => decodeRequest(`{"id":${JSON.stringify(text)},"task":"t","args":${text}}`)],
  ["decodeResponse", (text) => decodeResponse(`{"id":"a",${JSON.stringify(text)}:1,"result":${JSON.stringify(text)}}`)],
  ["decodeAcknowledgement", (text) => decodeAcknowledgement(`{"error":${JSON.stringify(text)},"ext":{${JSON.stringify(text)}:true}}`)],
  ["isAnswer", (text) => isAnswer(`{"\\u0065xt":{},"reply":${JSON.stringify(text)}`)],
];

test.each(readers)("no text of some megabytes makes %s think for longer than it takes to read it", (_name, read) => {
  for (const piece of pieces) {
    const text = piece.repeat(Math.ceil(size / piece.length));
    const startedAt = performance.now();
    try {
      read(text);
    } catch (error) {
      expect(error).toBeInstanceOf(AcommError);
    }
    // a try for each pair of characters would take minutes
    expect([piece, performance.now() - startedAt < 1000]).toEqual([piece, true]);
  }
});
