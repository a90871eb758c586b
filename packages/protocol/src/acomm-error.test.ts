import { readFileSync, renameSync } from "node:fs";
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

  test("F41 an error whose message is no text, or can't be read, has a text all the same", () => {
    const strange = Object.defineProperty(new Error(), "message", { value: { toString: () => "no" } });
    const hostile = Object.defineProperty(new Error(), "message", {
      get() {
        throw new Error("no message");
      },
    });
    expect([encodeErrorText(strange), encodeErrorText(hostile)]).toEqual(["Error", "Error"]);
  });

  test("S25 neither stack nor cause is in it", () => {
    const error = new AcommError("unavailable", "nobody there", { cause: new Error("secret") });
    expect(encodeErrorText(error)).toBe("unavailable: nobody there");
    expect(encodeErrorText(new Error("outer", { cause: new Error("secret") }))).toBe("outer");
  });

  test.each([
    ["unavailable", "send to unix:///run/acomm/a%20b.sock: nobody listens there (ENOENT)", "unavailable: send to unix:…: nobody listens there (ENOENT)"],
    ["truncated_stream", "read the stream unix:///run/a.sock: cut short", "truncated_stream: read the stream unix:…: cut short"],
    ["bad_field", "url must be a URL such as unix:///run/a.sock or http://127.0.0.1:8080/path, not (unix:///run/b.sock).", "bad_field: url must be a URL such as unix:… or http://127.0.0.1:8080/path, not (unix:…)."],
    ["bad_address", "others may write to the socket directory /run/acomm (mode 777): make it private", "bad_address: others may write to the socket directory … (mode 777): make it private"],
    ["bad_address", "/run/a.sock is not a socket, and 1/2 is no path", "bad_address: … is not a socket, and 1/2 is no path"],
    ["unknown_task", "no task at /users/1", "unknown_task: no task at /users/1"],
  ] as const)("S10 S25 of %s names no socket: %s", (code, message, text) => {
    expect(encodeErrorText(new AcommError(code, message))).toBe(text);
  });

  test("S25 an error of Node names no file", () => {
    const failures = [() => readFileSync("/nowhere/secret-name"), () => { renameSync("/nowhere/secret-name", "/elsewhere/secret-name"); }];
    for (const fail of failures) {
      const error = thrown(fail);
      expect(error.message).toContain("secret-name");
      expect(encodeErrorText(error)).toMatch(/^ENOENT: no such file or directory, \w+ '…'/);
      expect(encodeErrorText(error)).not.toMatch(/secret-name|nowhere|elsewhere/);
    }
    expect(encodeErrorText(Object.assign(new Error("connect ENOENT /run/a.sock"), { syscall: "connect", address: "/run/a.sock", path: "" }))).toBe("connect ENOENT …");
  });
});

function thrown(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
