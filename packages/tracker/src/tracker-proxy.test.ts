import { createRequest, createResponse, decodeRequest } from "@acomm/protocol";
import type { AcommError, Request, Response } from "@acomm/protocol";
import { admitTargets, createRequestHandler, createResponseHandler, createStreamProxyHandler, openStream, respond, send, serve, UnixListener } from "@acomm/transport";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, errorOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

let directory: TemporaryDirectory;
let client: { origin: string; tracker: Tracker; responses: Response[] };
let gateway: { origin: string; tracker: Tracker; errors: AcommError[] };
let received: Request[];
let serviceUrl: URL;

async function startServer(handler: RequestListener): Promise<string> {
  const server: Server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());

  const listener = new UnixListener(directory.socket("service"));
  await listener.start();
  serviceUrl = listener.url;
  received = [];
  const streams = new Tracker({ socketPath: directory.socket("streams") });
  await streams.start();
  const streamSource = (source: Parameters<Tracker["createUnixStream"]>[0]) => streams.createUnixStream(source, { directory: directory.path });
  const service = serve(listener, async (request, { attachStream }) => {
    received.push(request);
    if (request.task === "fail") throw new Error("no luck");
    if (request.task === "read-file") await readFile(directory.socket("secret-name"));
    if (request.task === "ask-another") await streams.request(`unix://${directory.socket("secret-name")}`, { task: "t" });
    if (request.task === "foreign-stream") attachStream("unix:///var/run/docker.sock");
    if (request.task === "silent") return new Promise(() => undefined);
    if (request.task === "stream") attachStream(await streamSource(["streamed ", "data"]));
    if (request.task === "cut-stream") {
      attachStream(
        await streamSource(async function* () {
          yield "some data";
          throw new Error("source broke");
        }),
      );
    }
    return request.streamUrl === null ? request.args : text(await openStream(request.streamUrl));
  });

  const clientTracker = new Tracker();
  await clientTracker.start();
  const responses: Response[] = [];
  const clientOrigin = await startServer((request, response) => {
    if (request.url === "/data") response.end("data of the client");
    else void createResponseHandler((message) => {
      responses.push(message);
      clientTracker.handleResponse(message);
    })(request, response);
  });
  client = { origin: clientOrigin, tracker: clientTracker, responses };

  const errors: AcommError[] = [];
  const origin = await startServer((request, response) => {
    const handler = request.url?.startsWith("/stream") === true ? proxy : accept;
    void handler(request, response);
  });
  const gatewayTracker = new Tracker({ httpStreamUrl: `${origin}/stream`, admit: admitTargets({ origins: [clientOrigin], socketDirectories: [directory.path] }), onError: (error) => errors.push(error) });
  await gatewayTracker.start();
  const proxy = createStreamProxyHandler({ signer: gatewayTracker.streamSigner });
  const accept = createRequestHandler(async (request) => {
    const url = request.task === "nowhere" ? `unix://${directory.socket("nobody")}` : serviceUrl;
    await gatewayTracker.proxy(url, request, { timeoutMs: request.task === "silent" ? 100 : 5000 });
  });
  gateway = { origin, tracker: gatewayTracker, errors };

  onTestFinished(async () => {
    await Promise.all([clientTracker.stop({ graceMs: 0 }), gatewayTracker.stop({ graceMs: 0 }), service.stop({ graceMs: 0 }), streams.stop({ graceMs: 0 })]);
  });
});

function call(task: string, options: { args?: unknown; streamUrl?: string } = {}): Promise<Response> {
  return client.tracker.call(gateway.origin, { task, ...options, responseHook: `${client.origin}/hook`, timeoutMs: 5000 });
}

describe("a request proxied from HTTP to unix and back", () => {
  test("is answered at the http hook", async () => {
    expect((await call("echo", { args: { a: [1, "é"] } })).result).toEqual({ a: [1, "é"] });
    expect(received[0]?.responseHook?.href).toBe(gateway.tracker.url.href);
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("A30 keeps the text of args and result", async () => {
    const argsText = '{"i":9007199254740993,"e":1e400,"z":-0,"f":1.0, "s":"\\u00e9"}';
    const request = decodeRequest(`{"id":"text","task":"echo","responsehook":"${client.origin}/hook","stream_url":null,"args":${argsText}}`);
    const settled = Promise.withResolvers<Response>();
    client.tracker.trackRequest({ ...request, onSuccess: (_, response) => { settled.resolve(response); } });
    await send(gateway.origin, request);
    await settled.promise;
    expect(received[0]?.raw?.text).toBe(argsText);
  });

  test("with an error", async () => {
    await expect(call("fail")).rejects.toMatchObject({ code: "remote", message: "no luck" });
  });

  test("with a stream in the request, which the gateway reads in the service's place", async () => {
    expect((await call("echo", { streamUrl: `${client.origin}/data` })).result).toBe("data of the client");
    expect(received[0]?.streamUrl?.protocol).toBe("unix:");
  });

  test("with a stream in the response, which can be read once at a signed http URL", async () => {
    const { streamUrl } = await call("stream");
    expect(streamUrl?.origin).toBe(gateway.origin);
    expect(await text(await openStream(streamUrl!))).toBe("streamed data");
    expect(await codeOf(openStream(streamUrl!))).toBe("unavailable");
  });

  test("A81 with a stream that is cut: an error at the http reader", async () => {
    const { streamUrl } = await call("cut-stream");
    const reader = await openStream(streamUrl!);
    expect(await codeOf(text(reader))).toBe("truncated_stream");
  });

  test("that can't be delivered: the sender is told, and the hook hears nothing", async () => {
    expect(await codeOf(call("nowhere"))).toBe("unavailable");
    expect(gateway.tracker.pendingCount).toBe(0);
    expect(client.responses).toEqual([]);
  });

  test("with a stream in the response outside of what the policy admits: an error, nothing is signed", async () => {
    await expect(call("foreign-stream")).rejects.toMatchObject({ code: "forbidden_target" });
    expect(gateway.errors.map(({ code }) => code)).toEqual(["forbidden_target"]);
  });

  test("that gets no answer: the hook gets a timeout", async () => {
    await expect(call("silent")).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("no response after 100 ms") as string });
    expect(gateway.tracker.pendingCount).toBe(0);
  });
});

describe("S6 what the policy doesn't admit is never opened", () => {
  test.each(["http://127.0.0.1:1/hook", "http://localhost:1/hook", "http://169.254.169.254/", "http://[::1]:1/"])("a response hook at %s", async (hook) => {
    const request = createRequest({ task: "echo", responseHook: hook });
    expect(await codeOf(send(gateway.origin, request))).toBe("forbidden_target");
    expect(received).toEqual([]);
    expect(gateway.tracker.pendingCount).toBe(0);
  });

  test("a stream elsewhere, and a socket outside of the directory", async () => {
    const hook = `${client.origin}/hook`;
    expect(await codeOf(send(gateway.origin, createRequest({ task: "echo", responseHook: hook, streamUrl: "http://127.0.0.1:1/x" })))).toBe("forbidden_target");
    expect(await codeOf(send(gateway.origin, createRequest({ task: "echo", responseHook: hook, streamUrl: "unix:///var/run/docker.sock" })))).toBe("forbidden_target");
    expect(await codeOf(send(gateway.origin, createRequest({ task: "echo", responseHook: "unix:///var/run/docker.sock" })))).toBe("forbidden_target");
    expect(gateway.tracker.pendingCount).toBe(0);
  });
});

test("S10 S25 what a gateway tells the outside names no file and no socket of the inside", async () => {
  expect(await errorOf(call("nowhere"))).toMatchObject({ code: "unavailable", message: "connect to unix:…: nobody listens there: start the service, or correct the address (ENOENT)" });
  await expect(call("read-file")).rejects.toMatchObject({ code: "remote", message: "ENOENT: no such file or directory, open '…'" });
  await expect(call("ask-another")).rejects.toMatchObject({ code: "remote", message: "unavailable: connect to unix:…: nobody listens there: start the service, or correct the address (ENOENT)" });
  for (const answer of client.responses) expect(JSON.stringify(answer)).not.toMatch(/acomm-test|secret-name|\.ts\b|\bat \w/);
  expect(client.responses).toHaveLength(2);
});

describe("proxyUnix", () => {
  test("gives the same request where all of it is local", async () => {
    const request = createRequest({ task: "t", responseHook: `unix://${directory.path}/a.sock`, streamUrl: `unix://${directory.path}/b.sock` });
    expect(await gateway.tracker.proxyUnix(request)).toBe(request);
    expect(gateway.tracker.pendingCount).toBe(0);
    const hookless = createRequest({ task: "t" });
    expect(await gateway.tracker.proxyUnix(hookless)).toBe(hookless);
  });

  test("refuses an id that is open already, and the first one lives on", async () => {
    const request = createRequest({ id: "same", task: "t", responseHook: `${client.origin}/hook` });
    await gateway.tracker.proxyUnix(request);
    expect(await codeOf(gateway.tracker.proxyUnix({ ...request }))).toBe("duplicate_id");
    expect(gateway.tracker.pendingCount).toBe(1);
    expect(gateway.tracker.removeRequest(request)).toBe(true);
  });

  test("reports a hook that can't be reached", async () => {
    const dead = await startServer(() => undefined);
    const tracker = new Tracker({ admit: () => true, onError: (error) => gateway.errors.push(error) });
    await tracker.start();
    const request = createRequest({ task: "t", responseHook: `${dead}/hook` });
    const proxied = await tracker.proxyUnix(request);
    client.tracker.trackRequest(createRequest({ task: "unrelated" }));
    const responder = createResponse(proxied, { result: 1 });
    const refusing = await startServer((_request, response) => void response.writeHead(404).end());
    const elsewhere = await tracker.proxyUnix(createRequest({ id: "elsewhere", task: "t", responseHook: `${refusing}/hook` }));
    await respond(elsewhere, createResponse(elsewhere, { result: 1 }));
    await expect.poll(() => gateway.errors.length).toBe(1);
    expect(gateway.errors[0]).toMatchObject({ code: "undeliverable", message: expect.stringContaining("status 404") as string });
    expect(responder.id).toBe(request.id);
    await tracker.stop({ graceMs: 0 });
  });

  test("without an httpStreamUrl a stream in the response becomes an error that says so", async () => {
    const tracker = new Tracker({ admit: () => true });
    await tracker.start();
    const proxied = await tracker.proxyUnix(createRequest({ id: "s", task: "t", responseHook: `${client.origin}/hook` }));
    client.tracker.trackRequest(createRequest({ id: "s", task: "t" }));
    await respond(proxied, createResponse(proxied, { streamUrl: "unix:///run/s.sock" }));
    await expect.poll(() => client.responses.length).toBe(1);
    expect(client.responses[0]?.error).toMatch(/^bad_field: the tracker has no httpStreamUrl/);
    await tracker.stop({ graceMs: 0 });
  });
});
