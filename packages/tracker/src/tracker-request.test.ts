import { AcommError, createResponse, encodeFrame } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { openStream, respond, send, serve, UnixListener } from "@acomm/transport";
import { once } from "node:events";
import { createConnection } from "node:net";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import type { Behaviour, RawPeer } from "./fixtures/raw-peer.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "./tracker.ts";
import type { TrackerOptions } from "./tracker-options.ts";

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
});

async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const tracker = new Tracker({ socketPath: directory.socket("hook"), ...options });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 1000 });
  });
  return tracker;
}

async function startPeer(behave: Behaviour, name = "peer"): Promise<RawPeer> {
  const peer = await startRawPeer(directory.socket(name), behave);
  onTestFinished(() => peer[Symbol.asyncDispose]());
  return peer;
}

/** Writes one frame to a socket and gives the error of its acknowledgement. */
async function exchange(address: string, text: string): Promise<string> {
  const socket = createConnection(address);
  socket.write(encodeFrame(text));
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return (JSON.parse(chunk.toString("utf8", 4)) as { readonly error: string }).error;
}

describe("one outcome, of the right code", () => {
  test("a peer that is not there: unavailable, long before the deadline", async () => {
    const tracker = await startTracker();
    const startedAt = performance.now();
    expect(await codeOf(tracker.request(`unix://${directory.socket("nobody")}`, { task: "t", timeoutMs: 10_000 }))).toBe("unavailable");
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(tracker.pendingCount).toBe(0);
  });

  test("a peer that never acknowledges: timeout at the deadline", async () => {
    const tracker = await startTracker();
    const peer = await startPeer(() => undefined);
    const startedAt = performance.now();
    await expect(tracker.request(peer.url, { task: "t", timeoutMs: 100 })).rejects.toThrow(/not accepted within 100 ms/);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99);
    expect(tracker.pendingCount).toBe(0);
  });

  test.each(["once", "keepAlive", "reply"] as const)("a peer that acknowledges (%s) and never answers: timeout at the deadline", async (kind) => {
    const tracker = await startTracker();
    const peer = await startPeer((_request, say) => { say(acknowledgements[kind]); });
    await expect(tracker.request(peer.url, { task: "t", timeoutMs: 1000 })).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("accepted, but not answered within 1000 ms") as string });
    expect(tracker.pendingCount).toBe(0);
  });

  test("F29 a peer that answers twice on the connection: the first counts, the second is refused", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(answerText(request.id, "first"));
      say(answerText(request.id, "second"));
      say(answerText("nobody", "third"));
    });
    expect(await tracker.request(peer.url, { task: "t" })).toBe("first");
    await expect.poll(() => tracker.refusedCount).toBe(2);
    expect(tracker.pendingCount).toBe(0);
  });

  test("F29 a peer that answers twice to the hook: the second gets unknown_id", async () => {
    const tracker = await startTracker();
    const verdicts: Promise<string>[] = [];
    const peer = await startPeer((request, say) => {
      say(acknowledgements.once);
      verdicts.push(codeOf(respond(request, createResponse(request, { result: 1 })).then(() => codeOf(respond(request, createResponse(request, { result: 2 }))).then((code) => { expect(code).toBe("unknown_id"); }))));
    });
    expect(await tracker.request(peer.url, { task: "t" })).toBe(1);
    expect(await Promise.all(verdicts)).toEqual(["fulfilled"]);
    expect(tracker.refusedCount).toBe(1);
    expect(tracker.pendingCount).toBe(0);
  });

  test("A31 a result as deep as maxDepth is given, one level more is bad_json, on the connection and at the hook", async () => {
    const tracker = await startTracker({ maxDepth: 4 });
    for (const [levels, code] of [[3, "fulfilled"], [4, "bad_json"]] as const) {
      const result = JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
      const here = await startPeer((request, say) => {
        say(acknowledgements.reply);
        say(answerText(request.id, result));
      }, `here-${levels}`);
      expect(await codeOf(tracker.request(here.url, { task: "t" }))).toBe(code);
      expect(await codeOf(tracker.call(here.url, { task: "t" }))).toBe(code);
      const verdicts: Promise<string>[] = [];
      const there = await startPeer((request, say) => {
        say(acknowledgements.once);
        verdicts.push(codeOf(respond(request, createResponse(request, { result }))));
      }, `there-${levels}`);
      const outcome = codeOf(tracker.request(there.url, { task: "t", timeoutMs: 300 }));
      expect([await outcome, await verdicts[0]]).toEqual(levels === 3 ? ["fulfilled", "fulfilled"] : ["timeout", "bad_json"]);
    }
  });

  test("F30 a late answer gets unknown_id and nobody sees it", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((_request, say) => { say(acknowledgements.once); });
    expect(await codeOf(tracker.request(peer.url, { task: "t", timeoutMs: 1000 }))).toBe("timeout");
    const [request] = peer.requests;
    expect(await codeOf(respond(request!, createResponse(request!, { result: "late" })))).toBe("unknown_id");
    expect(tracker.refusedCount).toBe(1);
  });

  test("an answer with an unknown id is refused, and the request goes on", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.once);
      void (async () => {
        const stranger = { ...request, id: "stranger" };
        expect(await codeOf(respond(stranger, createResponse(stranger, { result: "no" })))).toBe("unknown_id");
        await respond(request, createResponse(request, { result: "yes" }));
      })();
    });
    expect(await tracker.request(peer.url, { task: "t" })).toBe("yes");
  });

  test.each(["reply", "once"] as const)("an error (%s): remote, with the peer's text", async (kind) => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements[kind]);
      if (kind === "reply") say(answerText(request.id, null, "the disk is full"));
      else void respond(request, createResponse(request, { error: "the disk is full" }));
    });
    await expect(tracker.request(peer.url, { task: "t" })).rejects.toMatchObject({ code: "remote", message: "the disk is full" });
    expect(tracker.pendingCount).toBe(0);
  });

  test("an error that says unavailable is remote: the handler has run", async () => {
    const tracker = await startTracker();
    const errors = ["unavailable: the database", "overloaded: the queue"];
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(answerText(request.id, null, errors.shift()));
    });
    await expect(tracker.request(peer.url, { task: "t" })).rejects.toMatchObject({ code: "remote", message: "unavailable: the database" });
    await expect(tracker.request(peer.url, { task: "t" })).rejects.toMatchObject({ code: "overloaded", message: "the queue" });
  });

  test("a refusal: the peer's code", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((_request, say) => { say('{"error":"unknown_task: no task t","id":"","result":null,"stream_url":null}'); });
    await expect(tracker.request(peer.url, { task: "t" })).rejects.toMatchObject({ code: "unknown_task", message: "no task t" });
    expect(tracker.pendingCount).toBe(0);
  });

  test("an answer that is no response: bad_field, not silence", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(`{"error":7,"id":"${request.id}","result":null,"stream_url":null,"ext":{"reply":true}}`);
    });
    expect(await codeOf(tracker.request(peer.url, { task: "t" }))).toBe("bad_field");
    expect(tracker.pendingCount).toBe(0);
  });

  test("F31 an answer to the hook before the acknowledgement counts once", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      void respond(request, createResponse(request, { result: "early" })).then(() => { say(acknowledgements.once); });
    });
    expect(await tracker.request(peer.url, { task: "t" })).toBe("early");
    expect(tracker.pendingCount).toBe(0);
  });

  test("F15 100 requests to a stopped peer all end at their own deadlines", async () => {
    const tracker = await startTracker();
    const peer = await startPeer(() => undefined);
    const codes = await Promise.all(Array.from({ length: 100 }, (_, index) => codeOf(tracker.request(peer.url, { task: "t", timeoutMs: 50 + index }))));
    expect(new Set(codes)).toEqual(new Set(["timeout"]));
    expect(tracker.pendingCount).toBe(0);
  });
});

describe("on the wire", () => {
  test("the first request names the hook and says reply, later ones on the connection need no hook", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(answerText(request.id, request.args));
    });
    expect(await tracker.request(peer.url, { task: "t", args: 1 })).toBe(1);
    expect(await tracker.request(peer.url, { task: "t", args: 2 })).toBe(2);
    expect(peer.connectionCount).toBe(1);
    const [first, second] = peer.requests;
    expect(first?.responseHook?.href).toBe(tracker.url.href);
    expect(second?.responseHook).toBeNull();
    expect([first?.ext, second?.ext]).toEqual([{ reply: true, timeout: 30_000 }, { reply: true, timeout: 30_000 }]);
  });

  test("a peer that keeps the connection but doesn't answer on it is named the hook each time", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.keepAlive);
      void respond(request, createResponse(request, { result: request.args }));
    });
    for (const args of [1, 2, 3]) expect(await tracker.request(peer.url, { task: "t", args })).toBe(args);
    expect(peer.connectionCount).toBe(1);
    expect(peer.requests.map((request) => request.responseHook?.href)).toEqual(Array(3).fill(tracker.url.href));
  });

  test("a peer of one message a connection gets a connection for each", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say, socket) => {
      say(acknowledgements.once);
      socket.end();
      void respond(request, createResponse(request, { result: request.args }));
    });
    const results = await Promise.all(Array.from({ length: 200 }, (_, args) => tracker.request(peer.url, { task: "t", args })));
    expect(results).toEqual(Array.from({ length: 200 }, (_, args) => args));
    expect(peer.connectionCount).toBe(200);
    expect(tracker.pendingCount).toBe(0);
  });

  test("S12 an id that is named with a hook can't be guessed; one that is answered on the connection is refused at the hook", async () => {
    const tracker = await startTracker();
    const open: (() => void)[] = [];
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      open.push(() => { say(answerText(request.id, "genuine")); });
    });
    const calls = [tracker.request(peer.url, { task: "a" })];
    await expect.poll(() => open.length).toBe(1);
    open.shift()?.();
    await calls[0];
    calls.push(tracker.request(peer.url, { task: "b" }));
    await expect.poll(() => open.length).toBe(1);
    const [first, second] = peer.requests;
    expect(first?.id.slice(0, 24)).not.toBe(second?.id.slice(0, 24));
    expect(await codeOf(send(tracker.url, createResponse(second!, { result: "spoof" })))).toBe("unknown_id");
    open.shift()?.();
    expect(await calls[1]).toBe("genuine");
  });

  test("a hook of the caller's own gets the answer, though the peer could answer on the connection", async () => {
    const tracker = await startTracker();
    const listener = new UnixListener(directory.socket("echo"));
    await listener.start();
    const seen: Request[] = [];
    const service = serve(listener, (request) => {
      seen.push(request);
      return request.args;
    });
    expect(await tracker.request(listener.url, { task: "t", args: 7, responseHook: tracker.url })).toBe(7);
    expect(seen[0]?.ext).toEqual({ timeout: 30_000 });
    await service.stop();
  });

  test("the response carries the result's text and the stream", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(`{"error":"","id":"${request.id}","result":{"n":9007199254740993,"e":1e400},"stream_url":{"Scheme":"unix","Path":"/run/s.sock"},"ext":{"reply":true,"streamEnd":"half-close"}}`);
    });
    const response = await tracker.call(peer.url, { task: "t" });
    expect(response.raw?.text).toBe('{"n":9007199254740993,"e":1e400}');
    expect(response.streamUrl?.href).toBe("unix:///run/s.sock");
    expect(response.streamUrl?.streamEnd).toBe("half-close");
  });
});

describe("the caller's side", () => {
  test("a signal gives the request up: cancelled, at once", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((_request, say) => { say(acknowledgements.reply); });
    const controller = new AbortController();
    const call = tracker.request(peer.url, { task: "t", timeoutMs: 60_000, signal: controller.signal });
    await expect.poll(() => peer.requests.length).toBe(1);
    controller.abort(new Error("no longer wanted"));
    await expect(call).rejects.toMatchObject({ code: "cancelled", cause: expect.objectContaining({ message: "no longer wanted" }) as Error });
    expect(tracker.pendingCount).toBe(0);
  });

  test("a signal that has aborted sends nothing", async () => {
    const tracker = await startTracker();
    const peer = await startPeer(() => undefined);
    expect(await codeOf(tracker.request(peer.url, { task: "t", signal: AbortSignal.abort() }))).toBe("cancelled");
    expect(peer.connectionCount).toBe(0);
  });

  test.each([0, -1, NaN, 2 ** 31, Infinity])("a timeout of %d is refused, never armed", async (timeoutMs) => {
    const tracker = await startTracker();
    await expect(tracker.request("unix:///run/x.sock", { task: "t", timeoutMs })).rejects.toMatchObject({ code: "bad_field", message: expect.stringContaining("timeoutMs") as string });
    expect(tracker.pendingCount).toBe(0);
  });

  test("bad input is refused with the field's name", async () => {
    const tracker = await startTracker();
    expect(await codeOf(tracker.request("ftp://example.com/x", { task: "t" }))).toBe("unknown_scheme");
    await expect(tracker.request("unix:///run/x.sock", { task: "" })).rejects.toThrow(/^task must be/);
    await expect(tracker.request("unix:relative", { task: "t" })).rejects.toMatchObject({ code: "bad_field" });
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const peer = await startPeer(() => undefined);
    await expect(tracker.request(peer.url, { task: "t", args: circular })).rejects.toThrow(/^args cannot be written as JSON/);
    await expect(tracker.request(peer.url, { task: "t", args: 10n })).rejects.toMatchObject({ code: "bad_field" });
    await expect(tracker.request(peer.url, { task: "t", args: "x".repeat(17 * 1024 * 1024) })).rejects.toMatchObject({ code: "frame_too_large" });
    expect(tracker.pendingCount).toBe(0);
  });

  test("more than maxPending requests: overloaded, and the others go on", async () => {
    const tracker = await startTracker({ maxPending: 2 });
    const waiting: (() => void)[] = [];
    const peer = await startPeer((request, say) => {
      waiting.push(() => {
        say(acknowledgements.reply);
        say(answerText(request.id, request.task));
      });
    });
    const calls = [tracker.request(peer.url, { task: "a" }), tracker.request(peer.url, { task: "b" })];
    expect(await codeOf(tracker.request(peer.url, { task: "c" }))).toBe("overloaded");
    await expect.poll(() => waiting.length).toBe(2);
    for (const answer of waiting) answer();
    expect(await Promise.all(calls)).toEqual(["a", "b"]);
  });

  test("before the start it says to start, after the stop it says stopping", async () => {
    const tracker = new Tracker({ socketPath: directory.socket("late") });
    await expect(tracker.request("unix:///run/x.sock", { task: "t" })).rejects.toThrow(/await tracker.start\(\)/);
    await tracker.stop();
    expect(await codeOf(tracker.request("unix:///run/x.sock", { task: "t" }))).toBe("stopping");
    expect(await codeOf(tracker.start())).toBe("stopping");
    expect(thrownBy(() => new Tracker().url).code).toBe("unavailable");
  });

  test("A47 a response whose id nobody knows is refused with unknown_id, and counted", async () => {
    const tracker = await startTracker();
    const socket = createConnection(tracker.address);
    onTestFinished(() => void socket.destroy());
    for (const id of ["nobody", "__proto__", "constructor", crypto.randomUUID()]) {
      socket.write(encodeFrame(JSON.stringify({ error: "", id, result: 1, stream_url: null })));
      const [chunk] = (await once(socket, "data")) as [Buffer];
      expect(JSON.parse(chunk.toString("utf8", 4))).toMatchObject({ error: expect.stringMatching(/^unknown_id: no request with the id ".*" is open/) as string, id: "" });
    }
    expect([tracker.refusedCount, tracker.pendingCount]).toEqual([4, 0]);
  });

  test.each([
    ["A48 with both error and result", '"error":"x","result":1', "bad_field"],
    ["A48 whose error is an object", '"error":{},"result":null', "bad_field"],
    ["A48 whose error is a number", '"error":5,"result":null', "bad_field"],
    ["A48 with neither error nor result, which is success", '"result":null', "fulfilled"],
    ["A48 whose error is null, which is success", '"error":null,"result":1', "fulfilled"],
    ["A50 with a stream of a script", '"error":"","result":1,"stream_url":"javascript:alert(1)"', "bad_field"],
    ["A50 with a stream without a name", '"error":"","result":1,"stream_url":""', "bad_field"],
    ["A50 with a stream that is an empty object", '"error":"","result":1,"stream_url":{}', "bad_field"],
    ["A50 with a stream that is data", '"error":"","result":1,"stream_url":{"Scheme":"data","Opaque":",x"}', "bad_field"],
    ["in two spellings", '"error":"","result":1,"stream_url":null,"streamURL":null', "bad_field"],
    ["A31 that is nested too deep", `"error":"","result":${"[".repeat(256)}${"]".repeat(256)}`, "bad_json"],
    ["A29 with a prototype", '"error":"","result":{"__proto__":{"polluted":true}},"__proto__":{"error":"x"}', "fulfilled"],
  ])("an answer %s has one outcome, on the connection and at the hook", async (_, members, code) => {
    const tracker = await startTracker();
    const here = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(`{${members},"id":"${request.id}","ext":{"reply":true}}`);
    }, "here");
    const codeHere = code === "bad_json" ? "ambiguous" : code; // what can't be read ends the connection
    // what the socket refuses is answered properly then: a refusal claims nothing
    const verdicts: Promise<string>[] = [];
    const there = await startPeer((request, say, socket) => {
      say(acknowledgements.once);
      socket.end();
      verdicts.push(exchange(tracker.address, `{${members},"id":"${request.id}"}`).then(async (refusal) => {
        if (refusal !== "") await respond(request, createResponse(request, { error: new AcommError("unknown_task", "proper") }));
        return refusal;
      }));
    }, "there");
    expect(await codeOf(tracker.request(here.url, { task: "t", timeoutMs: 5000 }))).toBe(codeHere);
    expect(await codeOf(tracker.request(there.url, { task: "t", timeoutMs: 5000 }))).toBe(code === "fulfilled" ? "fulfilled" : "unknown_task");
    expect((await Promise.all(verdicts)).map((refusal) => refusal.split(":")[0])).toEqual([code === "fulfilled" ? "" : code]);
    expect(tracker.pendingCount).toBe(0);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("A50 a stream of a scheme that nobody serves is given, and not opened", async () => {
    const tracker = await startTracker();
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(`{"error":"","id":"${request.id}","result":null,"stream_url":"file:///etc/passwd","ext":{"reply":true}}`);
    });
    const { streamUrl } = await tracker.call(peer.url, { task: "t" });
    expect(streamUrl?.href).toBe("file:///etc/passwd");
    expect(await codeOf(openStream(streamUrl!))).toBe("unknown_scheme");
  });

  test("what a peer writes in place of an answer ends its connection, and is not quoted in the error; the next call is answered", async () => {
    const tracker = await startTracker();
    let nonsense: ((id: string) => string) | undefined;
    const peer = await startPeer((request, say) => {
      say(acknowledgements.reply);
      say(nonsense?.(request.id) ?? answerText(request.id, "well"));
    });
    for (nonsense of [
      (id: string) => `{"error":"","id":"${id}","result":swordfish,"stream_url":null,"ext":{"reply":true}}`,
      () => 'swordfish,"ext":{"reply":true}}',
      () => `["swordfish",${"[".repeat(300)},"ext":{"reply":true}}`,
      () => '{"reply":"swordfish"',
      () => "null",
      () => "\u0000",
    ]) {
      const error = await tracker.request(peer.url, { task: "t", timeoutMs: 5000 }).catch((reason: unknown) => reason as AcommError);
      expect([(error as AcommError).code, String((error as AcommError).stack) + String(((error as AcommError).cause as Error | undefined)?.stack)]).toEqual([expect.stringMatching(/^(ambiguous|bad_json)$/), expect.not.stringContaining("swordfish")]);
    }
    nonsense = undefined;
    expect(await tracker.request(peer.url, { task: "t" })).toBe("well");
    expect(tracker.pendingCount).toBe(0);
  });

  test("A20 a response socket answers null and other nonsense with an error and lives on", async () => {
    const tracker = await startTracker();
    for (const text of ["null", "[]", "{}", '{"id":"x"', "\u00ff"]) {
      const socket = createConnection(tracker.address);
      const bytes = Buffer.from(text, "latin1");
      const header = Buffer.alloc(4);
      header.writeUInt32BE(bytes.length);
      socket.write(Buffer.concat([header, bytes]));
      const [chunk] = (await once(socket, "data")) as [Buffer];
      expect(chunk.toString("utf8", 4)).toMatch(/^\{"error":"bad_(json|field): /);
      socket.destroy();
    }
    const listener = new UnixListener(directory.socket("echo"));
    await listener.start();
    const service = serve(listener, (request) => request.args);
    expect(await tracker.request(listener.url, { task: "t", args: "alive" })).toBe("alive");
    await service.stop();
  });

  test("errors keep args, results and secrets to themselves", async () => {
    const tracker = await startTracker();
    const error = await tracker.request(`unix://${directory.socket("nobody")}`, { task: "t", args: { password: "swordfish" } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AcommError);
    expect(JSON.stringify(error) + String(error) + ((error as Error).stack ?? "")).not.toContain("swordfish");
  });
});
