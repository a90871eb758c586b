import { AcommError, createRequest } from "@acomm/protocol";
import { codeOf, errorOf } from "@acomm/testing";
import { createRegistry, send } from "@acomm/transport";
import { describe, expect, test } from "vitest";
import { setUp } from "./fixtures/setup.ts";
import { createGate, until } from "./fixtures/until.ts";

const circular: Record<string, unknown> = {};
circular["self"] = circular;

describe("what a handler gives", () => {
  test.each([
    ["a value", () => ({ n: 1 }), { n: 1 }],
    ["a promise", async () => [1], [1]],
    ["nothing", () => undefined, null],
    ["null", () => null, null],
    ["a thenable", () => ({ then: (resolve: (value: unknown) => void) => { resolve("then"); } }), "then"],
  ])("is the result: %s", async (_, handler, result) => {
    await using setup = await setUp();
    await setup.provider().task("t", {}, handler).start();
    expect(await setup.tracker.request(setup.url("t"), { task: "t" })).toEqual(result);
  });

  test("A52 where it is no JSON is one response, with an error", async () => {
    await using setup = await setUp();
    await setup.provider()
      .task("circular", {}, () => circular)
      .task("bigint", {}, () => 1n)
      .task("function", {}, () => () => 1)
      .task("symbol", {}, () => Symbol("s"))
      .task("undefined", {}, () => undefined)
      .task("throwing", {}, () => ({ toJSON() { throw new Error("no"); } }))
      .start();
    for (const task of ["circular", "bigint", "function", "symbol", "throwing"]) expect((await errorOf(setup.tracker.request(setup.url(task), { task }))).message).toContain("result");
    expect(await setup.tracker.request(setup.url("undefined"), { task: "undefined" })).toBeNull();
    expect(setup.tracker.refusedCount).toBe(0); // no second answer
  });

  test("A52 both, a result and an error, is whichever comes first", async () => {
    await using setup = await setUp();
    await setup.provider().task("both", {}, () => ({
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        resolve("result");
        reject(new Error("and an error"));
        throw new Error("and one more");
      },
    })).start();
    expect(await setup.tracker.request(setup.url("both"), { task: "both" })).toBe("result");
    expect(setup.tracker.refusedCount).toBe(0);
  });
});

describe("what a handler throws", () => {
  /* eslint-disable @typescript-eslint/only-throw-error, @typescript-eslint/prefer-promise-reject-errors -- what a handler may do */
  test.each<[string, () => unknown, string, string]>([
    ["an error", () => { throw new Error("it broke"); }, "remote", "it broke"],
    ["a rejection", () => Promise.reject(new TypeError("it broke later")), "remote", "it broke later"],
    ["an error with a code", () => { throw new AcommError("forbidden_target", "not that one"); }, "forbidden_target", "not that one"],
    ["A49 an error without a message", () => { throw new Error(""); }, "remote", "Error"],
    ["A49 an empty text", () => { throw ""; }, "remote", "the handler failed without a message"],
    ["undefined", () => Promise.reject(undefined), "remote", "the handler failed without a message"],
    ["null", () => { throw null; }, "remote", "the handler failed without a message"],
    ["a text", () => { throw "just text"; }, "remote", "just text"],
  ])("is the response's error: %s", async (_, handler, code, message) => {
    await using setup = await setUp();
    await setup.provider().task("t", {}, handler).start();
    expect(await errorOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toMatchObject({ code, message });
  });
  /* eslint-enable @typescript-eslint/only-throw-error, @typescript-eslint/prefer-promise-reject-errors */

  test("carries its details, and no stack", async () => {
    await using setup = await setUp();
    await setup.provider().task("t", {}, () => { throw new AcommError("remote", "disk full", { details: { freeBytes: 0 } }); }).start();
    expect(await errorOf(setup.tracker.request(setup.url("t"), { task: "t" }))).toMatchObject({ code: "remote", message: "disk full", details: { freeBytes: 0 } });
  });

  test("of another service says nothing about this one: it isn't sent again", async () => {
    await using setup = await setUp();
    let runs = 0;
    await setup.provider().task("t", {}, async ({ tracker }) => {
      runs += 1;
      await tracker.request(setup.url("nowhere"), { task: "nowhere" });
    }).start();
    expect(await errorOf(setup.tracker.request(setup.url("t"), { task: "t", retryForMs: 1000 }))).toMatchObject({ code: "remote", message: expect.stringContaining("unavailable") });
    expect(runs).toBe(1);
  });

  test("F41 late, or where nobody looks, is contained", async () => {
    await using setup = await setUp();
    const gate = createGate();
    let hasThrown = false;
    await setup.provider("p", { onError: () => { throw new Error("the hook fails as well"); } })
      .task("slow", { timeoutMs: 20 }, async () => {
        await gate.opened;
        hasThrown = true;
        throw new Error("too late");
      })
      .task("forgetful", {}, ({ stream }) => {
        void stream([]);
        void stream([]); // a second one is an error
        return "fine";
      })
      .task("alive", {}, () => true)
      .start();
    expect(await errorOf(setup.tracker.request(setup.url("slow"), { task: "slow" }))).toMatchObject({ code: "timeout" });
    gate.open();
    await until(() => hasThrown);
    expect(await setup.tracker.request(setup.url("forgetful"), { task: "forgetful" })).toBe("fine");
    expect(await setup.tracker.request(setup.url("alive"), { task: "alive" })).toBe(true);
  });
});

test("a peer that knows nothing of answers on the connection gets its one response at its hook", async () => {
  await using setup = await setUp();
  await setup.provider().task("t", { timeoutMs: 5000 }, () => "to the hook").start();
  const response = await new Promise((resolve) => {
    const request = createRequest({ task: "t", responseHook: setup.tracker.url, onSuccess: (_, answer) => { resolve(answer.result); } });
    setup.tracker.trackRequest(request);
    void send(setup.url("t"), request, setup.network);
  });
  expect(response).toBe("to the hook");
  expect(setup.tracker.refusedCount).toBe(0);
});

test("a time that is none is bad_field, and takes no place", async () => {
  await using setup = await setUp();
  await setup.provider().task("t", { concurrency: 1, maxQueued: 0 }, () => "ran").start();
  await using unixAlone = createRegistry();
  const { registry = unixAlone } = setup.network;
  const url = registry.parse(setup.url("t"));
  const text = JSON.stringify({ id: "a", task: "t", responsehook: null, stream_url: null, args: null, ext: { reply: true, timeout: "soon" } });
  expect(await codeOf(registry.lookup(url).send(url, text, { timeoutMs: 10_000 }))).toBe("bad_field");
  expect(await setup.tracker.request(setup.url("t"), { task: "t" })).toBe("ran");
});
