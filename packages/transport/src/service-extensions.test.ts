import { acceptedText, AcommError } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import type { HandlerContext } from "./handler-context.ts";
import { connectRaw, startRawPeer } from "./fixtures/raw.ts";
import type { RawConnection } from "./fixtures/raw.ts";
import { startService } from "./fixtures/service.ts";
import { createGate, stillness, until } from "./fixtures/until.ts";

const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };

function say(client: RawConnection, id: string, ext: object = {}, task = "t", args: unknown = null): void {
  client.say(JSON.stringify({ id, task, responsehook: null, stream_url: null, args, ext: { reply: true, ...ext } }));
}

const next = async (client: RawConnection): Promise<Response & { readonly ext: Readonly<Record<string, unknown>> }> => JSON.parse((await client.next()) ?? "null") as never;

describe("the time of a request (wire 2.3)", () => {
  test("is over for the handler when it is over: its signal aborts with timeout, not earlier", async () => {
    const aborted = Promise.withResolvers<{ readonly reason: AcommError; readonly atMs: number; readonly deadline: number | undefined }>();
    await using service = await startService((_, { signal, deadline }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        aborted.resolve({ reason: signal.reason as AcommError, atMs: performance.now(), deadline });
        resolve("gave up");
      });
    }));
    await using client = await service.connect();
    const startedAt = performance.now();
    say(client, "a", { timeout: 60 });
    const { reason, atMs, deadline } = await aborted.promise;
    expect(reason).toMatchObject({ code: "timeout" });
    expect(deadline).toBeGreaterThan(startedAt + 59);
    expect(atMs).toBeGreaterThanOrEqual(deadline ?? Infinity);
  });

  test("is over, and a handler that ends because of that has not succeeded, whatever it returns", async () => {
    await using service = await startService(({ args }, { signal }) => new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => {
        if (args === "fail") reject(new Error("gave up"));
        else resolve(args);
      });
    }));
    await using client = await service.connect();
    for (const args of [null, "half of it", "fail"]) say(client, String(args), { timeout: 20 }, "t", args);
    await until(() => client.frames.length === 6);
    const answers = client.frames.slice(3).map((text) => JSON.parse(text) as Response);
    const error = "timeout: the caller's time for the request, 20 ms, is over";
    expect(Object.fromEntries(answers.map(({ id, ...answer }) => [id, answer]))).toMatchObject({
      null: { error, result: null },
      "half of it": { error, result: null },
      fail: { error: "gave up", result: null },
    });
  });

  test("of 0 is over before the handler looks", async () => {
    await using service = await startService((_, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => { resolve(null); });
    }));
    await using client = await service.connect();
    say(client, "a", { timeout: 0 });
    await client.next();
    expect(await next(client)).toMatchObject({ error: "timeout: the caller's time for the request, 0 ms, is over", id: "a" });
  });

  test("that nobody gave never ends, and a handler that has ended is not aborted any more", async () => {
    const signals: AbortSignal[] = [];
    await using service = await startService((_, { signal, deadline }) => {
      signals.push(signal);
      return deadline ?? "none";
    });
    await using client = await service.connect();
    say(client, "a", { timeout: 60_000 });
    say(client, "b");
    await until(() => client.frames.length === 4);
    expect(client.frames[3]).toContain('"result":"none"');
    const stopped = service.service.stop(); // ends the connection
    await client.ended;
    client.socket.end();
    await stopped;
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test("is over, and nobody listens at the hook any more: nothing is tried, and nothing is reported", async () => {
    const reported: AcommError[] = [];
    await using service = await startService((_, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => { resolve("too late"); });
    }), { onError: (error) => { reported.push(error); } });
    await using client = await connectRaw(service.path);
    client.say(JSON.stringify({ id: "a", task: "t", responsehook: `unix://${service.directory.socket("gone")}`, stream_url: null, args: null, ext: { timeout: 20 } }));
    await client.next();
    await until(() => service.service.inFlightCount === 0);
    expect(reported).toEqual([]);
  });

  test("that can't be read is refused before anything runs", async () => {
    await using service = await startService(() => null);
    await using client = await service.connect();
    say(client, "a", { timeout: -5 });
    expect((await next(client)).error).toMatch(/^bad_field: ext\.timeout must be/);
  });
});

describe("a request that is taken back (wire 2.4)", () => {
  async function started(): Promise<{ readonly service: Awaited<ReturnType<typeof startService>>; readonly contexts: Map<string, HandlerContext>; readonly release: () => void }> {
    const contexts = new Map<string, HandlerContext>();
    const gate = createGate();
    const service = await startService(async (request, context) => {
      contexts.set(request.id, context);
      await gate.opened;
      return request.id;
    });
    return { service, contexts, release: () => { gate.open(); } };
  }

  test("sees its signal abort with cancelled, gets no answer, and leaves the others alone", async () => {
    const { service, contexts, release } = await started();
    await using client = await service.connect();
    say(client, "a");
    say(client, "b");
    await until(() => contexts.size === 2);
    expect(await next(client)).toMatchObject({ ext: { keepAlive: true, reply: true, cancel: true } });
    client.say('{"id":"c","task":"acomm.cancel","responsehook":null,"stream_url":null,"args":{"id":"a"}}');
    await until(() => contexts.get("a")?.signal.aborted === true);
    expect(contexts.get("a")?.signal.reason).toMatchObject({ code: "cancelled" });
    expect(contexts.get("b")?.signal.aborted).toBe(false);
    release();
    await until(() => service.service.inFlightCount === 0);
    await until(() => client.frames.length === 4);
    await stillness(() => client.frames.length);
    expect(client.frames.slice(1)).toEqual([acceptedText, acceptedText, expect.stringContaining('"id":"b"')]);
    await service[Symbol.asyncDispose]();
  });

  test("is one of the same connection: nobody takes back another's, whatever its id", async () => {
    const { service, contexts, release } = await started();
    await using victim = await service.connect();
    await using stranger = await service.connect();
    say(victim, "a");
    await until(() => contexts.size === 1);
    say(stranger, "c", {}, "acomm.cancel", { id: "a" });
    await stranger.next();
    expect(await next(stranger)).toMatchObject({ id: "c", result: false });
    expect(contexts.get("a")?.signal.aborted).toBe(false);
    release();
    await victim.next();
    expect(await next(victim)).toMatchObject({ result: "a" });
    await service[Symbol.asyncDispose]();
  });

  test("one that asks for an answer learns whether there was something to take back", async () => {
    const { service, contexts, release } = await started();
    await using client = await service.connect();
    say(client, "a");
    await until(() => contexts.size === 1);
    say(client, "c", {}, "acomm.cancel", { id: "a" });
    await until(() => client.frames.length === 3);
    expect(client.frames[2]).toBe('{"error":"","id":"c","result":true,"stream_url":null,"ext":{"reply":true}}');
    release();
    await service[Symbol.asyncDispose]();
  });

  test("without an id is refused", async () => {
    await using service = await startService(() => null);
    await using client = await service.connect();
    say(client, "c", {}, "acomm.cancel", {});
    expect((await next(client)).error).toMatch(/^bad_field: args\.id/);
  });
});

test("a caller that has left, hook and all, is owed nothing: no answer is tried, and nothing is reported", async () => {
  const reported: AcommError[] = [];
  const aborted = createGate();
  await using service = await startService(async (_, { signal }) => {
    await new Promise((resolve) => { signal.addEventListener("abort", resolve); });
    aborted.open();
  }, { onError: (error) => { reported.push(error); } });
  const client = await service.connect();
  client.say(JSON.stringify({ id: "a", task: "t", responsehook: `unix://${service.directory.socket("gone")}`, stream_url: null, args: null, ext: { reply: true } }));
  await client.next();
  client.socket.destroy();
  await aborted.opened;
  await until(() => service.service.inFlightCount === 0);
  expect(reported).toEqual([]);
});

describe("progress (wire 2.6)", () => {
  test("goes back on the connection before the answer, where it was asked for", async () => {
    await using service = await startService((_, { progress, wantsProgress }) => {
      progress({ done: 1 });
      progress(null);
      return wantsProgress;
    });
    await using client = await service.connect();
    say(client, "a", { progress: true });
    await until(() => client.frames.length === 4);
    expect(client.frames.slice(1)).toEqual([
      '{"error":"","id":"a","result":null,"stream_url":null,"ext":{"reply":true,"progress":{"done":1}}}',
      '{"error":"","id":"a","result":null,"stream_url":null,"ext":{"reply":true,"progress":null}}',
      '{"error":"","id":"a","result":true,"stream_url":null,"ext":{"reply":true}}',
    ]);
    say(client, "b");
    await until(() => client.frames.length === 6);
    expect(client.frames[5]).toContain('"result":false');
  });

  test("that is no JSON is bad_field at the handler, and after the answer it goes nowhere", async () => {
    let late: HandlerContext["progress"] | undefined;
    await using service = await startService((_, { progress }) => {
      late = progress;
      progress(1n);
    });
    await using client = await service.connect();
    say(client, "a", { progress: true });
    await client.next();
    expect((await next(client)).error).toMatch(/^bad_field: progress/);
    late?.(5);
    await stillness(() => client.frames.length);
    expect(client.frames).toHaveLength(2);
  });

  test("to a hook comes one at a time, the latest of those that wait, and never after the answer", async () => {
    const frames: string[] = [];
    const first = createGate();
    const gate = createGate();
    await using service = await startService(async (_, { progress }) => {
      progress(1);
      await first.opened;
      for (const value of [2, 3, 4]) progress(value);
      await gate.opened;
      return "done";
    });
    const path = service.directory.socket("hook");
    await using _hook = await startRawPeer(path, (text, connection) => {
      frames.push(text);
      first.open();
      connection.say(acceptedText);
      if (text.includes('"progress":4')) gate.open();
    });
    await using client = await connectRaw(service.path);
    client.say(JSON.stringify({ id: "a", task: "t", responsehook: `unix://${path}`, stream_url: null, args: null, ext: { progress: true } }));
    await until(() => frames.some((text) => text.includes('"done"')));
    expect(frames.map((text) => (JSON.parse(text) as { readonly ext?: { readonly progress?: unknown } }).ext?.progress ?? "answer")).toEqual([1, 4, "answer"]);
  });
});

describe("answerWith", () => {
  test("answers with another response's text under the request's own id, its error and details included", async () => {
    await using service = await startService((request, { answerWith }) => {
      if (request.args === "fail") answerWith({ id: "other", error: "timeout: late", result: null, streamUrl: null, failure: { code: "timeout", retryable: true, cause: [] } });
      else answerWith({ id: "other", error: "", result: null, streamUrl: null, raw: { text: "[1.0, 1e400]", value: null } });
      return "ignored";
    });
    await using client = await service.connect();
    say(client, "a");
    say(client, "b", {}, "t", "fail");
    await until(() => client.frames.length === 4);
    expect(client.frames.slice(2)).toEqual([
      '{"error":"","id":"a","result":[1.0, 1e400],"stream_url":null,"ext":{"reply":true}}',
      '{"error":"timeout: late","id":"b","result":null,"stream_url":null,"ext":{"reply":true,"error":{"code":"timeout","retryable":true,"cause":[]}}}',
    ]);
  });

  test("null leaves the answer to somebody else; what is thrown afterwards is still told", async () => {
    await using service = await startService((request, { answerWith }) => {
      answerWith(null);
      if (request.args === "fail") throw new Error("after all");
    });
    await using client = await service.connect();
    say(client, "a");
    say(client, "b", {}, "t", "fail");
    await until(() => client.frames.length === 3 && service.service.inFlightCount === 0);
    await stillness(() => client.frames.length);
    expect(client.frames.slice(2)).toEqual([expect.stringContaining('"error":"after all","id":"b"')]);
  });
});

describe("a place that is taken before a request is accepted", () => {
  test("refuses what it has no place for, so that nothing runs, and is given back once, whatever becomes of the request", async () => {
    let places = 1;
    let given = 0;
    const gate = createGate();
    await using service = await startService(async () => {
      await gate.opened;
      throw new Error("no");
    }, {
      reserve: ({ task }) => {
        if (task === "free") return undefined;
        if (places === 0) throw new AcommError("overloaded", "one at a time");
        places -= 1;
        return () => {
          places += 1;
          given += 1;
        };
      },
    });
    await using client = await service.connect();
    say(client, "a");
    say(client, "b");
    say(client, "c", {}, "free");
    await until(() => client.frames.length === 3);
    expect(client.frames[1]).toContain("overloaded: one at a time");
    expect(service.service.inFlightCount).toBe(2);
    gate.open();
    await until(() => service.service.inFlightCount === 0);
    expect([places, given]).toEqual([1, 1]);
  });
});

test("what hangs on a request ends with it, also where it came too late", async () => {
  const ended: string[] = [];
  let context: HandlerContext | undefined;
  await using service = await startService((_, given) => {
    context = given;
    given.attach({ parentAborted: (reason) => { ended.push(`early ${reason.code}`); } });
    const left = { parentAborted: () => { ended.push("left"); } };
    given.attach(left);
    given.detach(left);
    return new Promise(() => undefined);
  });
  const client = await service.connect();
  say(client, "a", { trace });
  await until(() => context !== undefined);
  expect(context?.trace).toEqual(trace);
  client.socket.destroy();
  await until(() => ended.length > 0);
  context?.attach({ parentAborted: (reason) => { ended.push(`late ${reason.code}`); } });
  expect(ended).toEqual(["early cancelled", "late cancelled"]);
});
