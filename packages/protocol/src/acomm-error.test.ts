import { describe, expect, test } from "vitest";
import { AcommError, acommErrorCodes, decodeErrorText, encodeErrorText } from "./acomm-error.ts";

test("an AcommError is an Error with a code, a message and a cause", () => {
  const cause = new Error("below");
  const error = new AcommError("timeout", "no answer within 10 ms", { cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message, error.cause]).toEqual(["AcommError", "timeout", "no answer within 10 ms", cause]);
  expect("cause" in new AcommError("timeout", "x")).toBe(false);
});

test("the codes are lower-case words, each there once", () => {
  expect(new Set(acommErrorCodes).size).toBe(acommErrorCodes.length);
  expect(acommErrorCodes.every((code) => /^[a-z]+(_[a-z]+)*$/.test(code))).toBe(true);
});

describe("an error's text on the wire", () => {
  test.each(acommErrorCodes.filter((code) => code !== "remote"))("%s comes back with its code and message", (code) => {
    for (const message of ["what happened: at 7", ""]) {
      const text = encodeErrorText(new AcommError(code, message));
      expect(text).toBe(`${code}: ${message}`);
      const back = decodeErrorText(text);
      expect([back.code, back.message]).toEqual([code, message]);
    }
  });

  test.each(["boom", "no such disk: sda", ": x", "timeout", "timeout:x", "nonsense: x", "Timeout: x", "remote: x", " timeout: x", "é: 漢"])(
    "%j is the peer's own text: code remote, and the same text when it is passed on",
    (text) => {
      const error = decodeErrorText(text);
      expect([error.code, error.message]).toEqual(["remote", text]);
      expect(encodeErrorText(error)).toBe(text);
    },
  );

  test("the message of any other error is its text", () => {
    expect(encodeErrorText(new TypeError("not a disk"))).toBe("not a disk");
    expect(encodeErrorText("just text")).toBe("just text");
  });

  const nameless = new Error("");
  nameless.name = "";
  test.each([
    ["an Error", new Error(""), "Error"],
    ["a TypeError", new TypeError(""), "TypeError"],
    ["an Error without a name", nameless, "Error"],
    ["a remote AcommError", new AcommError("remote", ""), "AcommError"],
    ["an empty string", "", "the handler failed without a message"],
    ["undefined", undefined, "the handler failed without a message"],
    ["an object", { stack: "secret" }, "the handler failed without a message"],
  ])("A49 %s without a message is never the empty text, which would mean success", (_, error, text) => {
    expect(encodeErrorText(error)).toBe(text);
  });

  test("S25 neither stack nor cause is in it", () => {
    const error = new AcommError("unavailable", "nobody there", { cause: new Error("secret") });
    expect(encodeErrorText(error)).toBe("unavailable: nobody there");
    expect(encodeErrorText(new Error("outer", { cause: new Error("secret") }))).toBe("outer");
  });
});
