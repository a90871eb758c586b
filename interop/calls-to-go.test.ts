import { MultiRequest } from "@acomm/multirequest";
import { createRequest } from "@acomm/protocol";
import { openStream, send, UnixListener } from "@acomm/transport";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { exactText, rawJson } from "./exact-json.ts";
import { buildPeer, buildTimeoutMs, GoPeer, hasGo } from "./go-peer.ts";
import { startGoService, startTracker, temporaryDirectory } from "./resources.ts";
import { digestOf } from "./stream-digest.ts";

describe.skipIf(!hasGo)("a TypeScript caller of a Go service", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test.each([
    ["null", null],
    ["false", false],
    ["zero", 0],
    ["an empty string", ""],
    ["an empty list", []],
    ["a large number", 2 ** 53 - 1],
    ["text of every plane", "aé\u2028\u0000😀</script>&\\\""],
    ["nested values", { list: [1, { deep: [null, true] }], "": { "kĕy": "x" } }],
    ["a megabyte", "ü".repeat(500_000)],
  ])("gets back what it sent: %s", async (_, args) => {
    const go = await startGoService();
    const tracker = await startTracker();
    expect(await tracker.request(go.url, { task: "echo", args })).toEqual(args);
    expect(tracker.pendingCount).toBe(0);
  });

  test("sends and gets JSON of which JavaScript can't hold the value, to the byte", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const response = await tracker.call(go.url, { task: "echo", args: { exact: [rawJson("9007199254740993"), rawJson("1e400"), rawJson("-0.10")] } });
    expect(response.raw?.text).toBe('{"exact":[9007199254740993,1e400,-0.10]}');
  });

  test("a task that fails rejects with the peer's own words", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const text = "Gerät „/dev/sdz“ fehlt: <nicht da>";
    await expect(tracker.request(go.url, { task: "fail", args: text })).rejects.toMatchObject({ code: "remote", message: text });
    expect(tracker.pendingCount).toBe(0);
  });

  test("a task that takes its time is awaited", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const startedAt = performance.now();
    expect(await tracker.request(go.url, { task: "sleep", args: 150 })).toBe(150);
    expect(performance.now() - startedAt).toBeGreaterThan(149);
  });

  test("a task that never answers times out at its deadline", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const startedAt = performance.now();
    await expect(tracker.request(go.url, { task: "silent", timeoutMs: 500 })).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("accepted, but not answered within 500 ms") });
    const ms = performance.now() - startedAt;
    expect(ms).toBeGreaterThan(499);
    expect(ms).toBeLessThan(3000);
    expect(tracker.pendingCount).toBe(0);
  });

  test("an answer after the deadline is refused and counted", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    await expect(tracker.request(go.url, { task: "sleep", args: 1000, timeoutMs: 500 })).rejects.toMatchObject({ code: "timeout" });
    await go.peer.line(/response: refused: unknown_id: /);
    expect(tracker.refusedCount).toBe(1);
  });

  test.each([
    ["that it does not want", "refuse", "refused by the peer"],
    ["of a task that it does not have", "no-such-task", "unknown-task: no-such-task"],
  ])("a request %s is refused, with its reason", async (_, task, message) => {
    const go = await startGoService();
    const tracker = await startTracker();
    await expect(tracker.request(go.url, { task })).rejects.toMatchObject({ code: "remote", message });
    expect(tracker.pendingCount).toBe(0);
  });

  test("of two answers to one request the first counts and the second is refused", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    expect(await tracker.request(go.url, { task: "twice", args: "once" })).toBe("once");
    await go.peer.line(/response: refused: unknown_id: /);
    expect(tracker.refusedCount).toBe(1);
    expect(tracker.pendingCount).toBe(0);
  });

  test("a request that is given up is cancelled at once", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const given = new AbortController();
    const call = tracker.request(go.url, { task: "silent", signal: given.signal });
    expect(await tracker.request(go.url, { task: "echo", args: "meanwhile" })).toBe("meanwhile");
    given.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(tracker.pendingCount).toBe(0);
  });

  test("500 calls, 64 at once, are all answered", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    let next = 0;
    const results: unknown[] = [];
    const caller = async (): Promise<void> => {
      for (let n = next++; n < 500; n = next++) results[n] = await tracker.request(go.url, { task: "echo", args: n });
    };
    await Promise.all(Array.from({ length: 64 }, caller));
    expect(results).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(tracker.refusedCount).toBe(0);
  });

  test("2000 calls all at once are all answered", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const numbers = Array.from({ length: 2000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => tracker.request(go.url, { task: "echo", args: n })))).toEqual(numbers);
    expect(tracker.pendingCount).toBe(0);
  });

  test("many requests of one wait each have their own outcome", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const many = new MultiRequest(tracker, { timeoutMs: 1000 });
    for (const task of ["echo", "fail", "silent", "refuse"]) many.request(task, go.url, { task, args: `about ${task}` });
    const responses = await many.responses();
    expect(responses.get("echo")).toMatchObject({ error: "", result: "about echo" });
    expect(responses.get("fail")).toMatchObject({ error: "about fail", result: null });
    expect(responses.get("silent")).toMatchObject({ error: expect.stringMatching(/^timeout: /), result: null });
    expect(responses.get("refuse")).toMatchObject({ error: "refused by the peer", result: null });
  });

  test("a service that is killed with accepted calls leaves each with a timeout", async () => {
    const go = await startGoService();
    const tracker = await startTracker({ onError: () => undefined }); // the streams that the dead reader left
    const count = 20;
    // the service opens a stream after it has accepted the call
    const opened = Promise.withResolvers<undefined>();
    let openedCount = 0;
    const open = (): Readable => {
      openedCount += 1;
      if (openedCount === count) opened.resolve(undefined);
      return new Readable({ read: () => undefined });
    };
    const streams = await Promise.all(Array.from({ length: count }, () => tracker.createUnixStream(open)));
    const outcomes = Promise.allSettled(streams.map((streamUrl) => tracker.request(go.url, { task: "consume", streamUrl, timeoutMs: 2500 })));
    await opened.promise;
    await go.peer.end("SIGKILL");
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { code: "timeout" } });
    expect(tracker.pendingCount).toBe(0);
  });

  test("a service that is killed under load leaves no call without an outcome", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    let answered = 0;
    const call = async (n: number): Promise<string> => {
      try {
        expect(await tracker.request(go.url, { task: "echo", args: n, timeoutMs: 1500 })).toBe(n);
        answered += 1;
        if (answered === 50) await go.peer.end("SIGKILL");
        return "answered";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const codes = new Set(await Promise.all(Array.from({ length: 1000 }, (_, n) => call(n))));
    expect(codes).toContain("answered");
    expect([...codes].filter((code) => !["answered", "ambiguous", "timeout", "unavailable"].includes(code))).toEqual([]);
    expect(codes.size).toBeGreaterThan(1);
    expect(tracker.pendingCount).toBe(0);
  });

  test("a service that hangs is a timeout for those who asked, and serves the next once it goes on", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    go.peer.signal("SIGSTOP");
    const isAnswered = (): Promise<boolean> => tracker.request(go.url, { task: "echo", timeoutMs: 300 }).then(() => true, () => false);
    while (await isAnswered()); // a signal takes effect when its process gets its turn
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => tracker.request(go.url, { task: "echo", timeoutMs: 300 })));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { code: "timeout", message: expect.stringContaining("not accepted within 300 ms") } });
    expect(tracker.pendingCount).toBe(0);
    go.peer.signal("SIGCONT");
    expect(await tracker.request(go.url, { task: "echo", args: "again" })).toBe("again");
  });

  test("a service that was killed and started again is found again", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    expect(await tracker.request(go.url, { task: "echo", args: 1 })).toBe(1);
    await go.peer.end("SIGKILL");
    await expect(tracker.request(go.url, { task: "echo" })).rejects.toMatchObject({ code: "unavailable" });
    await GoPeer.listen("service", "-socket", go.socket);
    expect(await tracker.request(go.url, { task: "echo", args: 2 })).toBe(2);
  });

  test("paths with characters that URLs escape lead to the same sockets on both sides", async () => {
    const directory = await temporaryDirectory();
    const name = "ä b%20#?&+;";
    const socket = join(directory, `${name}.sock`);
    await GoPeer.listen("service", "-socket", socket);
    const tracker = await startTracker({ socketPath: join(directory, `${name}.hook`) });
    const url = new UnixListener(socket).url; // gives the URL of the path; it is not started
    expect(await tracker.request(url, { task: "echo", args: 1 })).toBe(1);
    const streamUrl = await tracker.createUnixStream(["abc"], { directory: join(directory, name) });
    expect(await tracker.request(url, { task: "consume", streamUrl })).toMatchObject({ bytes: 3 });
    const response = await tracker.call(url, { task: "stream", args: { bytes: 3 } });
    expect(await digestOf(await openStream(response.streamUrl!))).toEqual(response.result);
  });

  test("a service that was never there, or has ended, is unavailable", async () => {
    const nobody = `unix://${join(await temporaryDirectory(), "nobody.sock")}`;
    const go = await startGoService();
    const tracker = await startTracker();
    await expect(tracker.request(nobody, { task: "echo" })).rejects.toMatchObject({ code: "unavailable" });
    expect(await tracker.request(go.url, { task: "echo", args: 1 })).toBe(1);
    expect(await go.peer.end("SIGTERM")).toMatchObject({ exitCode: 0, stderr: "" });
    await expect(tracker.request(go.url, { task: "echo" })).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a request that came as text goes on as the same text", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const answer = Promise.withResolvers<string | undefined>();
    const request = createRequest({
      task: "echo",
      responseHook: tracker.url,
      onSuccess: (_, response) => { answer.resolve(response.raw?.text); },
      onError: (_, response) => { answer.reject(new Error(response.error)); },
    });
    tracker.trackRequest(request);
    await send(go.url, { ...request, raw: { text: exactText, value: request.args } });
    expect(await answer.promise).toBe(exactText);
  });
});
