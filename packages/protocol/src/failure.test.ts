import { describe, expect, test } from "vitest";
import { AcommError } from "./acomm-error.ts";
import { errorOfResponse } from "./failure.ts";
import { createResponse } from "./response.ts";
import { decodeResponse, encodeResponse } from "./response-codec.ts";

/** The error that a peer makes of what a handler threw. */
function across(error: unknown): AcommError {
  return errorOfResponse(decodeResponse(encodeResponse(createResponse({ id: "a" }, { error }), { reply: true })));
}

describe("an error that crosses the wire (2.5)", () => {
  test("keeps its code, message, details and whether it may be sent again", () => {
    const error = across(new AcommError("remote", "the disk is gone", { details: { disk: "sda", tries: [1, 2] }, retryable: true }));
    expect(error).toMatchObject({ code: "remote", message: "the disk is gone", details: { disk: "sda", tries: [1, 2] }, retryable: true });
  });

  test("keeps those of its causes that are AcommErrors, in their order, and no other", () => {
    const below = new AcommError("timeout", "no answer at unix:///run/secret.sock", { cause: new AcommError("overloaded", "too many", { cause: new Error("hunter2") }) });
    const error = across(new AcommError("remote", "not now", { cause: below }));
    expect(error.cause).toMatchObject({ code: "timeout", message: "no answer at unix:…", cause: { code: "overloaded", message: "too many" } });
    expect(((error.cause as AcommError).cause as AcommError).cause).toBeUndefined();
  });

  test("S25 an error that says no more than its text has no extension, and none ever has a stack", () => {
    const text = (error: unknown): string => encodeResponse(createResponse({ id: "a" }, { error }));
    expect(text(new AcommError("bad_field", "x"))).toBe('{"error":"bad_field: x","id":"a","result":null,"stream_url":null}');
    expect(text(new Error("boom", { cause: new AcommError("remote", "below") }))).not.toContain("below");
    expect(text(new AcommError("remote", "x", { details: 1, cause: new AcommError("remote", "y") }))).not.toContain(".ts");
  });

  test("that a handler could not reach something doesn't say that the handler may run again", () => {
    for (const code of ["unavailable", "overloaded", "stopping"] as const) {
      expect(new AcommError(code, "x").retryable).toBe(true);
      expect(across(new AcommError(code, "x")).retryable).toBe(false);
    }
    expect(across(new AcommError("unavailable", "x"))).toMatchObject({ code: "remote", message: "unavailable: x" });
    // whoever only passes requests on may know better
    const passed = { id: "a", error: "unavailable: nobody there", result: null, streamUrl: null, failure: { code: "unavailable", retryable: true, cause: [] } };
    expect(errorOfResponse(decodeResponse(encodeResponse(passed)))).toMatchObject({ code: "unavailable", message: "nobody there", retryable: true });
  });

  test.each([[1n], [() => 1], [Symbol("x")], [Object.assign({}, { toJSON() { throw new Error("no"); } })]])("details that are no JSON are left out: %s", (details) => {
    expect(across(new AcommError("remote", "x", { details })).details).toBeUndefined();
  });

  test("getters that throw and causes without end do no harm", () => {
    const odd = new AcommError("remote", "x");
    Object.defineProperty(odd, "cause", { get() { throw new Error("no"); } });
    expect(across(odd).message).toBe("x");
    const endless = new AcommError("remote", "x");
    Object.assign(endless, { cause: endless });
    expect(encodeResponse(createResponse({ id: "a" }, { error: endless })).length).toBeLessThan(1000);
  });

  test.each(['"x"', "[]", "1", '{"cause":1}', '{"cause":[1,{"message":5}],"code":7,"retryable":"yes"}', '{"details":null}'])("of another form it says nothing more: %s", (ext) => {
    const response = decodeResponse(`{"error":"timeout: late","id":"a","result":null,"stream_url":null,"ext":{"error":${ext}}}`);
    expect(errorOfResponse(response)).toMatchObject({ code: "timeout", message: "late", retryable: false, details: undefined, cause: undefined });
  });

  test("a response that is forwarded keeps it", () => {
    const text = encodeResponse(createResponse({ id: "a" }, { error: new AcommError("remote", "x", { details: [1] }) }));
    expect(encodeResponse(decodeResponse(text))).toBe(text);
  });
});
