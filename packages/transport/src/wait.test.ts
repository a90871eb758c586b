import { AcommError } from "@acomm/protocol";
import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { codeOf, errorOf, thrownBy } from "@acomm/testing";
import { nodeCodeOf, translateNodeError } from "./node-error.ts";
import { cancelledError, checkCount, checkGraceMs, checkTimeoutMs, delay, waitFor } from "./wait.ts";

describe("limits", () => {
  test("a duration that a timer would take for one millisecond is refused by name", () => {
    for (const value of [Number.NaN, 0, -1, 2 ** 31, Infinity, "5", null]) expect(thrownBy(() => checkTimeoutMs(value as number, "aTimeoutMs"))).toMatchObject({ code: "bad_field", message: expect.stringMatching(/^aTimeoutMs must be a number of milliseconds from 1 to 2147483647, but is /) as string });
    expect([checkTimeoutMs(1), checkTimeoutMs(2 ** 31 - 1), checkTimeoutMs(1.5)]).toEqual([1, 2 ** 31 - 1, 1.5]);
    expect([checkGraceMs(), checkGraceMs(0), checkGraceMs(7)]).toEqual([10_000, 0, 7]);
  });

  test("a count is a whole number of at least one", () => {
    for (const value of [Number.NaN, 0, 1.5, Infinity, "5"]) expect(thrownBy(() => checkCount(value as number, "maxThings")).message).toMatch(/^maxThings must be a whole number of at least 1, but is /);
    expect([checkCount(1, "x"), checkCount(0, "x", 0)]).toEqual([1, 0]);
  });
});

describe("a wait", () => {
  test("settles once, and leaves neither timer nor listener", async () => {
    const { signal } = new AbortController();
    let settle: [(value: string) => void, (error: Error) => void] | undefined;
    const wait = waitFor<string>("wait", { signal, timeoutMs: 1000 }, (resolve, reject) => {
      settle = [resolve, reject];
      return undefined;
    });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    settle?.[0]("first");
    settle?.[0]("second");
    settle?.[1](new Error("third"));
    expect(await wait).toBe("first");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("that can't even start fails, and leaves neither timer nor listener", async () => {
    const { signal } = new AbortController();
    await expect(waitFor("wait", { signal, timeoutMs: 1000 }, () => { throw new Error("at once"); })).rejects.toThrow("at once");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(await codeOf(waitFor("wait", { timeoutMs: -1 }, () => undefined))).toBe("bad_field");
  });

  test("that is cut short is undone, and says why", async () => {
    const undone: string[] = [];
    const controller = new AbortController();
    const start = (): ((error: AcommError) => void) => (error) => { undone.push(error.code); };
    const cancelled = errorOf(waitFor("ask", { signal: controller.signal }, start));
    const late = errorOf(waitFor("ask", { timeoutMs: 5 }, start));
    controller.abort("enough");
    expect(await cancelled).toMatchObject({ code: "cancelled", message: "ask: cancelled by the caller", cause: "enough" });
    expect(await late).toMatchObject({ code: "timeout", message: "ask: no outcome within 5 ms" });
    expect(undone).toEqual(["cancelled", "timeout"]);
    const ours = new AcommError("stopping", "going");
    expect(cancelledError("ask", AbortSignal.abort(ours))).toBe(ours);
  });

  test("of a while ends early by its signal", async () => {
    await delay(1);
    const controller = new AbortController();
    const waiting = codeOf(delay(60_000, controller.signal));
    controller.abort();
    expect(await waiting).toBe("cancelled");
  });
});

test("Node's errors are translated, ours are left as they are", () => {
  const error = (code: string): Error => Object.assign(new Error("m"), { code });
  for (const [code, ours] of [["ENOENT", "unavailable"], ["ECONNREFUSED", "unavailable"], ["EPIPE", "unavailable"], ["EAGAIN", "overloaded"], ["EMFILE", "overloaded"], ["EACCES", "bad_address"], ["ETIMEDOUT", "timeout"], ["ABORT_ERR", "cancelled"], ["EWHATEVER", "unavailable"]] as const) {
    expect([code, translateNodeError(error(code), "do it").code]).toEqual([code, ours]);
  }
  expect(translateNodeError(error("ENOENT"), "connect to x").message).toBe("connect to x: nobody listens there: start the service, or correct the address (ENOENT)");
  expect(translateNodeError(new Error("odd"), "do it").message).toBe("do it: odd");
  expect(translateNodeError("text", "do it").message).toBe("do it: failed");
  const ours = new AcommError("timeout", "late");
  expect(translateNodeError(ours, "do it")).toBe(ours);
  expect([nodeCodeOf(Object.assign(new Error("m"), { code: 5 })), nodeCodeOf("text")]).toEqual(["", ""]);
});
