import { describe, expect, test } from "vitest";
import { AcommError } from "./acomm-error.ts";
import { parseUrl } from "./acomm-url.ts";
import { refusal } from "./fixtures/refusal.ts";
import { createRequest } from "./request.ts";
import { createResponse, unmarshalResult } from "./response.ts";
import { encodeResponse } from "./response-codec.ts";

describe("createResponse", () => {
  test("answers a request by its id: a result, an error, a stream, or nothing", () => {
    const request = createRequest({ id: "a", task: "t" });
    expect(createResponse(request)).toEqual({ id: "a", error: "", result: null, raw: { text: "null", value: null }, streamUrl: null });
    expect(createResponse(request, { result: 0 }).result).toBe(0);
    expect(createResponse(request, { error: "boom" })).toMatchObject({ error: "boom", result: null });
    expect(createResponse(request, { streamUrl: new URL("http://h/") }).streamUrl).toEqual(parseUrl("http://h/"));
    for (const error of [undefined, null, ""]) expect(createResponse(request, { error }).error).toBe("");
  });

  test("A48 both an error and a result are bad_field", () => {
    expect(refusal(() => createResponse({ id: "a" }, { error: "boom", result: false })).code).toBe("bad_field");
  });

  test("a bad id or stream URL is bad_field", () => {
    expect(refusal(() => createResponse({ id: "" })).message).toMatch(/^id /);
    expect(refusal(() => createResponse({ id: "a" }, { streamUrl: "" })).message).toMatch(/^streamUrl /);
  });

  test("A49 an error without a message is still a failure", () => {
    for (const error of [new Error(""), new AcommError("remote", ""), {}, 0, false]) expect(createResponse({ id: "a" }, { error }).error).not.toBe("");
  });

  test("S25 an error crosses the wire as code and message, without stack, cause or file", () => {
    const error = new AcommError("unavailable", "nobody there", { cause: new Error("hunter2") });
    const text = encodeResponse(createResponse({ id: "a" }, { error }));
    expect(text).toBe('{"error":"unavailable: nobody there","id":"a","result":null,"stream_url":null}');
    const plain = encodeResponse(createResponse({ id: "a" }, { error: new Error("boom", { cause: "hunter2" }) }));
    expect(plain).toBe('{"error":"boom","id":"a","result":null,"stream_url":null}');
  });
});

describe("unmarshalResult", () => {
  const response = createResponse({ id: "a" }, { result: [1] });
  test("gives the result itself without a schema", async () => {
    expect(await unmarshalResult(response)).toBe(response.result);
  });

  test("gives what the schema makes of it, or bad_field with the path", async () => {
    const standard = { version: 1, vendor: "test" } as const;
    const sum = { "~standard": { ...standard, validate: (value: unknown) => ({ value: (value as number[]).length }) } };
    expect(await unmarshalResult(response, sum)).toBe(1);
    const never = { "~standard": { ...standard, validate: async () => ({ issues: [{ message: "no", path: [0] }] }) } };
    await expect(unmarshalResult(response, never)).rejects.toMatchObject({ code: "bad_field", message: "result.0: no" });
  });
});
