import type { AcommError } from "@acomm/protocol";
import { createRequestHandler, createResponseHandler, createStreamProxyHandler, openStream } from "@acomm/transport";
import type { Tracker, TrackerOptions } from "@acomm/tracker";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { exactText, rawJson } from "./exact-json.ts";
import { buildPeer, buildTimeoutMs, hasGo, runPeer } from "./go-peer.ts";
import type { PeerOutput } from "./go-peer.ts";
import { admitLoopback, startGoService, startHttpServer, startTracker } from "./resources.ts";
import { digestOf, sequence } from "./stream-digest.ts";

/** An HTTP door in TypeScript to a Go service that knows only unix sockets; gives the URL for requests. */
async function startGateway(serviceUrl: string, { timeoutMs, ...options }: TrackerOptions & { readonly timeoutMs?: number } = {}): Promise<{ readonly url: string; readonly tracker: Tracker }> {
  const origin = await startHttpServer((request, response) => {
    void (request.url === "/requests" ? takeRequest : serveStream)(request, response);
  });
  const tracker = await startTracker({ httpStreamUrl: `${origin}/streams`, admit: admitLoopback, ...options });
  const serveStream = createStreamProxyHandler({ signer: tracker.streamSigner });
  const takeRequest = createRequestHandler((request) => tracker.proxy(serviceUrl, request, { timeoutMs }));
  return { url: `${origin}/requests`, tracker };
}

/** The URL of a file on an HTTP server, which the Go service can't fetch by itself. */
async function serveFile(bytes: number): Promise<string> {
  const origin = await startHttpServer((request, response) => {
    if (request.headers["user-agent"]?.startsWith("Go-") === true) response.writeHead(403).end();
    else void pipeline(Readable.from(sequence(bytes), { objectMode: false }), response);
  });
  return `${origin}/file`;
}

describe.skipIf(!hasGo)("a Go caller of a Go service, through an HTTP gateway in TypeScript", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  async function callGateway(url: string, ...args: readonly string[]): Promise<PeerOutput> {
    return runPeer("client", "-url", url, "-httphook", ...args);
  }

  test("args and result pass byte for byte", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { exitCode, stdout, stderr } = await callGateway(gateway.url, "-task", "echo", "-args", exactText);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).raw).toContain(`,"result":${exactText},"stream_url":null`);
    expect(exitCode).toBe(0);
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("200 calls, 16 at once, are all answered", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { stdout, stderr } = await callGateway(gateway.url, "-task", "echo", "-count", "200", "-parallel", "16");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ sent: 200, answered: 200, failed: 0 });
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("an error passes as it is", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { exitCode, stdout } = await callGateway(gateway.url, "-task", "fail", "-args", '"no such disk: <ä>"');
    expect(JSON.parse(stdout)).toMatchObject({ error: "no such disk: <ä>", result: null });
    expect(exitCode).toBe(1);
  });

  test("a refusal passes as a refusal, and nothing stays open", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    expect(await callGateway(gateway.url, "-task", "refuse")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("refused: refused by the peer") });
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("a service that has gone is a refusal", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    await go.peer.end("SIGTERM");
    expect(await callGateway(gateway.url, "-task", "echo")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("refused: unavailable: ") });
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("a service that never answers is a timeout, which the hook gets", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url, { timeoutMs: 200 });
    const { exitCode, stdout } = await callGateway(gateway.url, "-task", "silent");
    expect(JSON.parse(stdout).error).toMatch(/^timeout: /);
    expect(exitCode).toBe(1);
  });

  test("a hook on a unix socket is answered by the service itself", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    expect(await runPeer("client", "-url", gateway.url, "-task", "echo", "-args", "1")).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test.each([
    ["an HTTP hook", ["-httphook", "-task", "echo"]],
    ["an HTTP stream", ["-task", "consume", "-stream", "http://127.0.0.1:9/file"]],
  ])("%s is refused where no policy admits it", async (_, args) => {
    const go = await startGoService();
    const gateway = await startGateway(go.url, { admit: undefined });
    expect(await runPeer("client", "-url", gateway.url, ...args)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("refused: forbidden_target: ") });
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("a stream of the request that breaks off is reported at the gateway", async () => {
    const go = await startGoService();
    const reported = Promise.withResolvers<AcommError>();
    const gateway = await startGateway(go.url, { onError: reported.resolve });
    const origin = await startHttpServer((_, response) => {
      response.write("a beginning", () => { response.destroy(); });
    });
    await callGateway(gateway.url, "-task", "consume", "-stream", origin);
    expect(await reported.promise).toMatchObject({ code: "truncated_stream" });
  });

  test("a stream of the request, by HTTP, reaches the service as a unix stream", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { stdout } = await callGateway(gateway.url, "-task", "consume", "-stream", await serveFile(3_000_000));
    expect(JSON.parse(stdout)).toMatchObject({ error: "", result: await digestOf(sequence(3_000_000)) });
  });

  test("a stream of the response, on a unix socket, reaches the caller by HTTP", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { stdout } = await callGateway(gateway.url, "-task", "stream", "-args", '{"bytes":3000000}');
    const { result, stream_url } = JSON.parse(stdout);
    expect(stream_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/streams\?/);
    const read = await runPeer("read", "-url", stream_url);
    expect(JSON.parse(read.stdout)).toEqual({ ...result, error: "" });
    expect(result).toEqual(await digestOf(sequence(3_000_000)));
  });
});

describe.skipIf(!hasGo)("a TypeScript caller with an HTTP hook, of a Go service behind the gateway", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  async function startCaller(): Promise<{ readonly tracker: Tracker; readonly responseHook: string }> {
    const tracker = await startTracker();
    const takeResponse = createResponseHandler(tracker.handleResponse);
    const origin = await startHttpServer((request, response) => { void takeResponse(request, response); });
    return { tracker, responseHook: `${origin}/hook` };
  }

  test("args and result pass byte for byte", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { tracker, responseHook } = await startCaller();
    const response = await tracker.call(gateway.url, { task: "echo", args: [rawJson("9007199254740993"), rawJson("1e400"), "ä\u2028"], responseHook });
    expect(response.raw?.text).toBe('[9007199254740993,1e400,"ä\u2028"]');
    expect(tracker.pendingCount).toBe(0);
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("200 calls at once each get their own answer", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { tracker, responseHook } = await startCaller();
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => tracker.request(gateway.url, { task: "echo", args: n, responseHook })))).toEqual(numbers);
  });

  test.each([
    ["an error", "fail", 10_000, { code: "remote", message: "about fail" }],
    ["a refusal", "refuse", 10_000, { code: "remote", message: "refused by the peer" }],
    ["a timeout of the gateway", "silent", 200, { code: "timeout", message: expect.stringContaining("has no response after 200 ms") }],
  ])("%s passes as it is", async (_, task, timeoutMs, error) => {
    const go = await startGoService();
    const gateway = await startGateway(go.url, { timeoutMs });
    const { tracker, responseHook } = await startCaller();
    await expect(tracker.request(gateway.url, { task, args: `about ${task}`, responseHook })).rejects.toMatchObject(error);
    expect(tracker.pendingCount).toBe(0);
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("a stream of the request, by HTTP, reaches the service as a unix stream", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { tracker, responseHook } = await startCaller();
    const streamUrl = await serveFile(3_000_000);
    expect(await tracker.request(gateway.url, { task: "consume", streamUrl, responseHook })).toEqual(await digestOf(sequence(3_000_000)));
  });

  test("a stream of the response, on a unix socket, reaches the caller by HTTP", async () => {
    const go = await startGoService();
    const gateway = await startGateway(go.url);
    const { tracker, responseHook } = await startCaller();
    const response = await tracker.call(gateway.url, { task: "stream", args: { bytes: 3_000_000 }, responseHook });
    expect(response.streamUrl?.protocol).toBe("http:");
    expect(await digestOf(await openStream(response.streamUrl!))).toEqual(response.result);
  });
});
