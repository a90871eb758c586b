import { AcommError, createRequest, createResponse, decodeRequest, encodeFrame, FrameDecoder, parseUrl, unmarshalArgs } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { admitTargets, checkTarget, createMemoryNetwork, createRegistry, createRequestHandler, createResponseHandler, createStreamProxyHandler, errorChannelName, openStream, respond, send, serve, StreamSigner, stream, UnixListener } from "@acomm/transport";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, createServer as createNetServer } from "node:net";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import { startHttp } from "./fixtures/start-http.ts";
import { Tracker } from "./tracker.ts";
import type { TrackerOptions } from "./tracker-options.ts";

const marker = "hunter2-marker";
const secret = { password: marker, nested: [{ token: marker }] };

let directory: TemporaryDirectory;
/** Everything that left: errors with all that hangs on them, acknowledgements, reports, prints. */
let left: string[];
const report = (error: unknown): void => { left.push(inspect(error, { depth: 10, showHidden: true, maxStringLength: null }), String((error as Error).stack)); };

beforeEach(async () => {
  directory = await temporaryDirectory();
  left = [];
  const published = (message: unknown): void => { report(message); };
  subscribe(errorChannelName, published);
  const prints = (["log", "info", "warn", "error", "debug", "trace"] as const).map((name) => vi.spyOn(console, name).mockImplementation((...values) => { left.push(values.map((value) => inspect(value)).join(" ")); }));
  const warned = (warning: Error): void => { report(warning); };
  process.on("warning", warned);
  onTestFinished(async () => {
    process.off("warning", warned);
    for (const print of prints) print.mockRestore();
    unsubscribe(errorChannelName, published);
    await directory[Symbol.asyncDispose]();
  });
});

/** What it fails with leaves. Gives the code. */
async function failing(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    report(error);
    return error instanceof AcommError ? error.code : String(error);
  }
  return "fulfilled";
}

/** Nothing that left holds the marker, as text or as the bytes of a buffer. */
function expectNoSecret(): void {
  const bytes = Buffer.from(marker).toString("hex").replace(/(..)(?!$)/g, "$1 ");
  expect(left.length).toBeGreaterThan(0);
  for (const text of left) {
    expect(text).not.toContain(marker);
    expect(text).not.toContain(bytes);
  }
}

async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const tracker = new Tracker({ onError: report, ...options });
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

/** Writes bytes to a socket and gives the frames that come back until it ends; they leave as well. */
async function exchange(path: string, ...messages: (string | Uint8Array)[]): Promise<string[]> {
  const socket = connect(path).on("error", () => undefined);
  const frames: string[] = [];
  const decoder = new FrameDecoder();
  socket.on("data", (chunk) => {
    for (const frame of decoder.push(chunk)) frames.push(Buffer.from(frame).toString());
    if (frames.length === messages.length) socket.end();
  });
  for (const message of messages) socket.write(typeof message === "string" ? encodeFrame(message) : message);
  await once(socket, "close");
  left.push(...frames);
  return frames;
}

/** Ways to spoil a message that holds the marker. */
const spoiled = (text: string): string[] => [
  text.slice(0, -1), `${text}x`, text.replace('"id"', '"ID"'), text.replace(/"id":"[^"]*"/, `"id":{"secret":"${marker}"}`), text.replace(marker, `${marker}\\`), text.replace(marker, `${marker}\u0000`),
  `[${JSON.stringify(marker)}]`, JSON.stringify(marker), `{"${marker}":1}`, `${marker}{}`, text.replace("{", `{"responsehook":{"Scheme":"http","Host":"user:${marker}@host","Path":"/"},`),
  text.replace("{", `{"stream_url":"http://user:${marker}@host/",`), text.replace("{", `{"stream_url":"unix:${marker}",`), text.replace("{", `{"ext":"${marker}",`),
  text.replace(`"${marker}"`, `${"[".repeat(300)}"${marker}"${"]".repeat(300)}`),
];

describe("S14 a secret is in nothing that leaves but the message itself:", () => {
  test("arguments, whatever becomes of the request", async () => {
    const tracker = await startTracker();
    const network = createMemoryNetwork({ maxFrameBytes: 100 });
    const registry = createRegistry([network.transport]);
    const small = await startTracker({ registry });
    const quiet = await startRawPeer(directory.socket("quiet"), () => undefined);
    const taking = await startRawPeer(directory.socket("taking"), (_request, say) => { say(acknowledgements.reply); });
    const refusing = await startRawPeer(directory.socket("refusing"), (_request, say) => { say('{"error":"overloaded: later","id":""}'); });
    const cutting = await startRawPeer(directory.socket("cutting"), (_request, say, socket) => {
      say(acknowledgements.reply);
      socket.end();
    });
    onTestFinished(async () => {
      for (const peer of [quiet, taking, refusing, cutting]) await peer[Symbol.asyncDispose]();
      await registry.close();
    });
    const call = (url: string, options: { timeoutMs?: number; args?: unknown; signal?: AbortSignal } = {}): Promise<string> => failing(() => tracker.request(url, { task: "t", args: secret, ...options }));
    const circular: Record<string, unknown> = { [marker]: secret };
    circular[marker] = circular;
    expect(await Promise.all([
      call(`unix://${directory.socket("nobody")}`),
      call(quiet.url, { timeoutMs: 50 }),
      call(taking.url, { timeoutMs: 50 }),
      call(refusing.url),
      call(cutting.url),
      call(taking.url, { args: circular }),
      call(taking.url, { args: { [marker]: 1n } }),
      call(taking.url, { args: () => marker }),
      call(taking.url, { signal: AbortSignal.abort() }),
      call("http://127.0.0.1:1/"),
      failing(() => small.request("memory://nobody", { task: "t", args: secret })),
      failing(() => createRequest({ task: "t", args: circular })),
      failing(() => unmarshalArgs(createRequest({ task: "t", args: secret }), { "~standard": { version: 1, vendor: "test", validate: (value) => ({ issues: [{ message: "no", input: value, path: [{ key: "nested", value }] }] }) } })),
    ])).toEqual(["unavailable", "timeout", "timeout", "overloaded", "ambiguous", "bad_field", "bad_field", "bad_field", "cancelled", "unavailable", "unavailable", "bad_field", "bad_field"]);
    const tracked = createRequest({ id: "same", task: "t", args: secret, onError: (_, response) => { left.push(response.error); } });
    tracker.trackRequest(tracked, { timeoutMs: 30 });
    expect(await failing(() => { tracker.trackRequest({ ...tracked }); })).toBe("duplicate_id");
    await expect.poll(() => tracker.pendingCount).toBe(0);
    const inMemory = network.createListener("small");
    await inMemory.start();
    const service = serve(inMemory, () => null);
    expect(await failing(() => small.request("memory://small", { task: "t", args: { ...secret, more: "x".repeat(100) } }))).toBe("frame_too_large");
    await service.stop({ graceMs: 0 });
    expectNoSecret();
  });

  test("arguments and results that can't be read, in acknowledgements and refusals", async () => {
    const listener = new UnixListener(directory.socket("service"));
    await listener.start();
    const service = serve(listener, () => null, { onError: report });
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    const tracker = await startTracker({ socketPath: directory.socket("hook") });
    const requestText = `{"id":"a","task":"t","responsehook":null,"args":${JSON.stringify(secret)}}`;
    const responseText = `{"error":"","id":"a","result":${JSON.stringify(secret)},"stream_url":null}`;
    for (const [path, text] of [[directory.socket("service"), requestText], [directory.socket("hook"), responseText]] as const) {
      for (const bad of spoiled(text)) expect((await exchange(path, bad)).length).toBeGreaterThan(0);
      await exchange(path, Buffer.from(`${marker} HTTP/1.1\r\n\r\n`));
    }
    expect(await exchange(directory.socket("hook"), responseText)).toHaveLength(1); // unknown_id
    await exchange(directory.socket("hook"), responseText.replace('"error":""', `"error":"no"`), JSON.stringify({ id: "a", error: { secret: marker } }));
    const [takeRequest, takeResponse] = [createRequestHandler(() => undefined), createResponseHandler(tracker.handleResponse)];
    const web = await startHttp((request, response) => void (request.url === "/hook" ? takeResponse : takeRequest)(request, response));
    for (const [path, text] of [["", requestText], ["hook", responseText]] as const) {
      for (const bad of [...spoiled(text), ""]) left.push(await (await fetch(`${web}${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${marker}`, cookie: marker }, body: bad })).text());
      for (const type of [marker, `text/plain; ${marker}`]) left.push(await (await fetch(`${web}${path}`, { method: "POST", headers: { "content-type": type }, body: text })).text());
      left.push(await (await fetch(`${web}${path}`, { method: "PUT", headers: { "content-type": "application/json" }, body: text })).text());
    }
    expectNoSecret();
  });

  test("results, whatever becomes of the response", async () => {
    const circular: Record<string, unknown> = { ...secret };
    circular[marker] = circular;
    const results: Record<string, unknown> = { circular, bigint: { [marker]: 1n }, function: () => marker, long: [marker, "x".repeat(17 * 1024 * 1024)], plain: secret };
    const listener = new UnixListener(directory.socket("service"));
    await listener.start();
    const service = serve(listener, ({ task }) => results[task], { hookTimeoutMs: 20, onError: report });
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    const tracker = await startTracker();
    for (const task of ["circular", "bigint", "function", "long"]) expect([task, await failing(() => tracker.request(listener.url, { task }))]).toEqual([task, task === "long" ? "frame_too_large" : "bad_field"]);
    const hooks = [`unix://${directory.socket("nobody")}`, `http://127.0.0.1:1/?token=${marker}`, `http://127.0.0.1:1/${marker}`];
    for (const hook of hooks) await send(listener.url, createRequest({ task: "plain", responseHook: hook }));
    await expect.poll(() => service.inFlightCount).toBe(0);
    const answering = (text: (request: Request) => string) => async (): Promise<unknown> => {
      await using peer = await startRawPeer(directory.socket("peer"), (request, say) => {
        say(acknowledgements.reply);
        say(text(request));
      });
      return await tracker.request(peer.url, { task: "t", timeoutMs: 200 });
    };
    for (const error of [secret, 7]) expect(await failing(answering(({ id }) => answerText(id, secret, error as unknown as string)))).not.toBe("fulfilled");
    expect(await failing(answering(({ id }) => answerText(id, secret).replace(marker, `${marker}\\`)))).not.toBe("fulfilled");
    expect(await failing(answering(() => answerText("unknown", secret)))).toBe("timeout");
    expectNoSecret();
  });

  test("credentials and queries of URLs, and what a server sends instead of an answer", async () => {
    const tracker = await startTracker({ admit: admitTargets({ origins: ["http://127.0.0.1:1"] }) });
    const network = createMemoryNetwork();
    const registry = createRegistry();
    registry.register(network.transport);
    onTestFinished(() => registry.close());
    const garbage = createNetServer((socket) => { socket.on("error", () => undefined).end(`${marker} is no HTTP\r\n\r\n`); }).listen(0, "127.0.0.1");
    await once(garbage, "listening");
    onTestFinished(() => void garbage.close());
    const page = await startHttp((_request, response) => { response.writeHead(200, { "x-secret": marker }).end(marker); });
    const missing = await startHttp((_request, response) => { response.writeHead(404, marker, { location: `http://${marker}/` }).end(marker); });
    const credentials = ["http", "https", "unix", "memory", "ftp"].map((scheme) => `${scheme}://user:${marker}@127.0.0.1:1/a`);
    const queries = [`http://127.0.0.1:1/?token=${marker}`, `http://127.0.0.1:1/${marker}`, `https://127.0.0.1:1/?${marker}`, `memory://nobody/?token=${marker}`, `${page}?token=${marker}`, `${missing}?token=${marker}`, `http://127.0.0.1:${(garbage.address() as AddressInfo).port}/?token=${marker}`, `nats://host/?token=${marker}`];
    const request = createRequest({ task: "t" });
    for (const url of [...credentials, ...credentials.map((text) => new URL(text)), ...queries]) {
      const attempts = [
        () => send(url, request, { registry, timeoutMs: 200 }),
        () => respond({ ...request, responseHook: parseUrl(url) }, createResponse(request), { registry, timeoutMs: 200 }),
        () => openStream(url, { registry, timeoutMs: 200 }).then(buffer),
        () => stream(() => undefined, url, { registry, timeoutMs: 200 }),
        () => tracker.request(url, { task: "t", timeoutMs: 200 }),
        () => tracker.proxyUnix(createRequest({ task: "t", responseHook: url })),
        () => tracker.proxyUnix(createRequest({ task: "t", streamUrl: url })),
        () => checkTarget(admitTargets(), parseUrl(url), "stream"),
        () => checkTarget(() => { throw new Error("broken"); }, parseUrl(url), "response"),
      ];
      // what is only a page can be read as a stream, and a proxied hook be waited for
      for (const attempt of attempts) await failing(attempt);
      for (const misuse of [() => createRequest({ task: "t", responseHook: url, id: "" }), () => new StreamSigner().sign(url, url), () => admitTargets({ origins: [String(url).replace(/^\w+/, "ftp")] })]) await failing(misuse);
    }
    for (const url of credentials) {
      expect([url, await failing(() => new Tracker({ httpStreamUrl: url }))]).toEqual([url, "bad_field"]);
      expect([url, await failing(() => decodeRequest(`{"id":"a","task":"t","stream_url":${JSON.stringify(url)}}`))]).toEqual([url, "bad_field"]);
    }
    const proxy = createStreamProxyHandler({ authorize: () => true, signer: new StreamSigner(), registry });
    const web = await startHttp((incoming, response) => void proxy(incoming, response));
    for (const url of [...credentials, ...queries]) {
      for (const query of [{ addr: url, sig: marker }, { addr: url }]) {
        const response = await fetch(`${web}?${new URLSearchParams(query).toString()}`, { headers: { cookie: marker } });
        if (!response.ok) left.push(await response.text());
        else await response.body?.cancel(); // the page, which is what was asked for
      }
    }
    expectNoSecret();
  });
});
