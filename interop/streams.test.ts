import type { StreamSource } from "@acomm/transport";
import { createStreamProxyHandler, openStream, serveUnixStream, stream } from "@acomm/transport";
import type { Tracker } from "@acomm/tracker";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { buildPeer, buildTimeoutMs, GoPeer, hasGo, runPeer } from "./go-peer.ts";
import { startGoService, startHttpServer, startTracker, temporaryDirectory } from "./resources.ts";
import { digestOf, sequence } from "./stream-digest.ts";
import type { StreamDigest } from "./stream-digest.ts";

const sizes = [[0], [1], [65_537], [3_000_000]] as const;

/** A tracker whose streams can be read over HTTP. */
async function startProxyingTracker(): Promise<Tracker> {
  const origin = await startHttpServer((request, response) => { void proxy(request, response); });
  const tracker = await startTracker({ httpStreamUrl: `${origin}/streams`, onError: () => undefined });
  const proxy = createStreamProxyHandler({ signer: tracker.streamSigner });
  return tracker;
}

async function* failing(bytes: number): AsyncGenerator<Buffer> {
  yield* sequence(bytes);
  throw new Error("the disk is gone");
}

/** Reads a stream with the Go peer. */
async function readByGo(url: URL): Promise<{ readonly exitCode: number | null; readonly output: StreamDigest & { readonly error: string } }> {
  const { exitCode, stdout } = await runPeer("read", "-url", url.href);
  return { exitCode, output: JSON.parse(stdout) };
}

describe.skipIf(!hasGo)("streams that Go writes and TypeScript reads", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test.each(sizes)("%i bytes of a unix stream arrive whole", async (bytes) => {
    const socket = join(await temporaryDirectory(), "source.sock");
    const source = await GoPeer.listen("source", "-socket", socket, "-bytes", String(bytes));
    expect(await digestOf(await openStream(`unix://${socket}`))).toEqual(await digestOf(sequence(bytes)));
    expect(await source.exited).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test.each(sizes)("%i bytes of a response's stream arrive whole", async (bytes) => {
    const go = await startGoService();
    const tracker = await startTracker();
    const response = await tracker.call(go.url, { task: "stream", args: { bytes } });
    const hash = createHash("sha256");
    expect(await stream(hash, response.streamUrl!)).toBe(bytes);
    expect(response.result).toEqual({ bytes, sha256: hash.digest("hex") });
  });

  test("a reader that leaves early disturbs nobody", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const response = await tracker.call(go.url, { task: "stream", args: { bytes: 10_000_000 } });
    for await (const chunk of await openStream(response.streamUrl!)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await go.peer.line(/stream: .*(broken pipe|reset)/);
    expect(await tracker.request(go.url, { task: "echo", args: "well" })).toBe("well");
  });

  test("a stream that its writer did not announce ends where a killed writer left it", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    const response = await tracker.call(go.url, { task: "suicide", args: { bytes: 1_000_000 } });
    expect(await digestOf(await openStream(response.streamUrl!))).toEqual(await digestOf(sequence(500_000)));
    expect(await go.peer.exited).toMatchObject({ exitCode: null });
  });
});

describe.skipIf(!hasGo)("streams that TypeScript writes and Go reads", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test.each(sizes)("%i bytes of a unix stream arrive whole", async (bytes) => {
    const written = await serveUnixStream(sequence(bytes), { directory: await temporaryDirectory() });
    expect(await readByGo(written.url)).toEqual({ exitCode: 0, output: { ...(await digestOf(sequence(bytes))), error: "" } });
    await written.done;
  });

  test.each(sizes)("%i bytes of a tracker's stream arrive whole in a Go task", async (bytes) => {
    const go = await startGoService();
    const tracker = await startTracker();
    const streamUrl = await tracker.createUnixStream(() => Readable.from(sequence(bytes), { objectMode: false }));
    expect(await tracker.request(go.url, { task: "consume", streamUrl })).toEqual(await digestOf(sequence(bytes)));
    expect(await tracker.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("a Go task reads a stream from any HTTP server", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    let path: string | undefined;
    const origin = await startHttpServer((request, response) => {
      path = request.url;
      void pipeline(Readable.from(sequence(3_000_000), { objectMode: false }), response);
    });
    const wanted = "/a%20file/%C3%BC%2Fb;c?v=1&w=%2F+%20";
    expect(await tracker.request(go.url, { task: "consume", streamUrl: `${origin}${wanted}` })).toEqual(await digestOf(sequence(3_000_000)));
    expect(path).toBe(wanted);
  });

  test("a task without the stream that it needs fails", async () => {
    const go = await startGoService();
    const tracker = await startTracker();
    await expect(tracker.request(go.url, { task: "consume" })).rejects.toMatchObject({ code: "remote", message: "bad-request: stream_url: null" });
  });

  test("a killed reader is the writer's error", async () => {
    const source = new Readable({ read: () => undefined });
    const opened = Promise.withResolvers<undefined>();
    const written = await serveUnixStream((): StreamSource => {
      opened.resolve(undefined);
      return source;
    }, { directory: await temporaryDirectory() });
    const reader = await GoPeer.start("read", "-url", written.url.href);
    await opened.promise;
    source.push("a beginning");
    await reader.end("SIGKILL");
    await expect(written.done).rejects.toMatchObject({ code: "truncated_stream" });
  });
});

describe.skipIf(!hasGo)("streams through the HTTP proxy", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test.each(sizes)("%i bytes that Go wrote are read by Go", async (bytes) => {
    const go = await startGoService();
    const tracker = await startProxyingTracker();
    const response = await tracker.call<StreamDigest>(go.url, { task: "stream", args: { bytes } });
    expect(await readByGo(tracker.proxyStreamHttpUrl(response.streamUrl!))).toEqual({ exitCode: 0, output: { ...response.result, error: "" } });
  });

  test.each(sizes)("%i bytes that TypeScript wrote are read by a Go task", async (bytes) => {
    const go = await startGoService();
    const tracker = await startProxyingTracker();
    const streamUrl = tracker.proxyStreamHttpUrl(await tracker.createUnixStream(sequence(bytes)));
    expect(await tracker.request(go.url, { task: "consume", streamUrl })).toEqual(await digestOf(sequence(bytes)));
  });

  test("bytes that Go wrote are read by TypeScript", async () => {
    const go = await startGoService();
    const tracker = await startProxyingTracker();
    const response = await tracker.call(go.url, { task: "stream", args: { bytes: 3_000_000 } });
    expect(await digestOf(await openStream(tracker.proxyStreamHttpUrl(response.streamUrl!)))).toEqual(response.result);
  });

  test("a source that fails breaks off the body, which Go sees", async () => {
    const tracker = await startProxyingTracker();
    const { exitCode, output } = await readByGo(tracker.proxyStreamHttpUrl(await tracker.createUnixStream(failing(3_000_000))));
    expect(output.error).toBe("unexpected EOF");
    expect(output.bytes).toBeGreaterThan(0);
    expect(exitCode).toBe(1);
  });

  test("a source that fails before its first byte has a status of its own", async () => {
    const tracker = await startProxyingTracker();
    const { exitCode, output } = await readByGo(tracker.proxyStreamHttpUrl(await tracker.createUnixStream(failing(0))));
    expect(output).toMatchObject({ bytes: 0, error: "http status 502" });
    expect(exitCode).toBe(1);
  });

  test("a task whose stream breaks off says so", async () => {
    const go = await startGoService();
    const tracker = await startProxyingTracker();
    const streamUrl = tracker.proxyStreamHttpUrl(await tracker.createUnixStream(failing(3_000_000)));
    await expect(tracker.request(go.url, { task: "consume", streamUrl })).rejects.toMatchObject({ code: "remote", message: "stream: unexpected EOF" });
  });

  test("a URL that was not signed, or was changed, gets nothing", async () => {
    const tracker = await startProxyingTracker();
    const streamUrl = await tracker.createUnixStream(sequence(10));
    const signed = tracker.proxyStreamHttpUrl(streamUrl);
    for (const forge of [(query: URLSearchParams) => { query.delete("sig"); }, (query: URLSearchParams) => { query.set("addr", "unix:///run/other.sock"); }]) {
      const forged = new URL(signed);
      forge(forged.searchParams);
      expect(await readByGo(forged)).toMatchObject({ exitCode: 1, output: { bytes: 0, error: "http status 403" } });
    }
    expect(await readByGo(signed)).toMatchObject({ exitCode: 0, output: { bytes: 10 } });
  });
});
