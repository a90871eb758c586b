import { Coordinator, createHttpListener, createHttpTransport, createStreamProxyHandler, decodeUrl, HttpDoor, Provider, serveUnixStream, StreamSigner, Tracker } from "acomm";
import { transportCompliance } from "acomm/testing";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import type { Features } from "./feature.ts";
import { codeOf, comply } from "./setup.ts";

const json = { "content-type": "application/json" };

export const http: Features = {
  "the HTTP door: held calls, events, streams, tokens": async (directory) => {
    const system = await startSystem(directory);
    const { door } = system;
    const post = (task: string, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(new URL("?wait=5s", door), { method: "POST", headers: { ...json, authorization: "Bearer a-long-secret", ...more }, body: JSON.stringify({ id: "1", task, args: "Ada" }) });
    assert.equal((await post("greet", { authorization: "Bearer another" })).status, 401);
    const { result, stream_url: url } = (await (await post("greet")).json()) as { readonly result: unknown; readonly stream_url: unknown };
    assert.equal(result, "hello Ada");
    assert.equal(await (await fetch(decodeUrl(url, "stream_url")?.href ?? "", { headers: { authorization: "Bearer a-long-secret" } })).text(), "a stream");
    const events = await (await post("greet", { accept: "text/event-stream" })).text();
    assert.match(events, /^event: progress\ndata: "thinking"\n\nevent: response\n/);
    await system.stop();
  },
  "a caller over HTTP that leaves ends its call": async (directory) => {
    const system = await startSystem(directory);
    const { door, calls } = system;
    const { hostname, port } = new URL(door);
    const started = calls.started();
    const call = request({ hostname, port, path: "/?wait=20s", method: "POST", headers: { ...json, authorization: "Bearer a-long-secret" } });
    call.on("error", () => undefined);
    call.end(JSON.stringify({ id: "1", task: "wait", args: null }));
    await started;
    call.destroy();
    const late = new Promise<string>((resolve) => setTimeout(resolve, 5_000, "nothing after 5 s"));
    assert.equal(await Promise.race([calls.ended(), late]), "cancelled");
    await system.stop();
  },
  "connections over HTTP have a limit": async () => {
    const door = new HttpDoor({ routes: {}, maxConnections: 1 });
    await door.start();
    const port = Number(door.url.port);
    // Bun hears of a connection when it has said something
    const first = connect(port, "127.0.0.1");
    first.write("GET / HTTP/1.1\r\n");
    await new Promise((resolve) => setTimeout(resolve, 200));
    const second = connect(port, "127.0.0.1").resume();
    second.on("error", () => undefined);
    second.write("GET / HTTP/1.1\r\n");
    const late = new Promise<string>((resolve) => setTimeout(resolve, 3_000, "open after 3 s"));
    const outcome = await Promise.race([new Promise<string>((resolve) => second.once("close", () => { resolve("closed"); })), late]);
    first.destroy();
    second.destroy();
    await door.stop();
    assert.equal(outcome, "closed");
  },
  "the environment's HTTP proxy is not used": async () => {
    const asked: string[] = [];
    const proxy = createServer((message, response) => {
      asked.push(message.url ?? "");
      response.writeHead(502).end();
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { run } = await import("./respawn.ts");
    const { stdout } = await run("post-past-proxy.ts", address);
    proxy.close();
    assert.deepEqual([stdout, asked], ["accepted\n", []]);
  },
  "the checks of a transport, over HTTP": (directory) => comply(transportCompliance({
    capabilities: ["streams"],
    async open(limits) {
      const own = await mkdtemp(join(directory, "h-"));
      const signer = new StreamSigner();
      const door = new HttpDoor({ routes: { "/stream": createStreamProxyHandler({ signer }) } });
      await door.start();
      return {
        transport: createHttpTransport(),
        createListener: () => createHttpListener(limits),
        async serveStream(source) {
          const { url, done } = await serveUnixStream(source, { directory: own });
          return { url: signer.sign(new URL("stream", door.url), url), done };
        },
        left: () => readdir(own),
        async [Symbol.asyncDispose]() {
          await door.stop();
        },
      };
    },
    // whether the reader sees a stream that breaks off, or none at all, hangs on what was written right before
  }).filter(({ name }) => !name.startsWith("a stream whose source fails"))),
};

/** A coordinator with its door, and a provider behind it. */
async function startSystem(socketDir: string): Promise<{ stop(): Promise<void>; readonly door: URL; readonly calls: { started(): Promise<unknown>; ended(): Promise<string> } }> {
  const tracker = new Tracker();
  await tracker.start();
  let onStarted: () => void = () => undefined;
  let onEnded: (code: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => { onEnded = resolve; });
  const started = new Promise<void>((resolve) => { onStarted = resolve; });
  const provider = new Provider({ socketDir, name: "p" })
    .task("greet", {}, async ({ args, progress, stream }) => {
      progress("thinking");
      await stream(["a stream"]);
      return `hello ${String(args)}`;
    })
    .task("wait", {}, async ({ signal }) => {
      onStarted();
      await new Promise((resolve) => { signal.addEventListener("abort", resolve); });
      onEnded(await codeOf(Promise.reject(signal.reason as Error)));
    });
  await provider.start();
  const coordinator = new Coordinator({ socketDir, http: { tokens: ["a-long-secret"] } });
  await coordinator.start();
  return {
    door: new URL(coordinator.httpUrl ?? ""),
    calls: { started: () => started, ended: () => ended },
    async stop() {
      await tracker.stop({ graceMs: 100 });
      await coordinator.stop({ graceMs: 100 });
      await provider.stop({ graceMs: 100 });
    },
  };
}
