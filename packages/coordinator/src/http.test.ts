import { AcommError, createRequest, createResponse, encodeFrame, encodeRequest } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { createResponseHandler, stream } from "@acomm/transport";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Coordinator } from "./coordinator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { exchange, exchangeRaw, post, startHttp } from "./fixtures/exchange.ts";
import { createSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";
import { until } from "./fixtures/until.ts";

let system: System;
beforeEach(async () => { system = await createSystem(); });

const call = (task: string, args: unknown = null, more: object = {}): object => ({ id: "1", task, responsehook: null, stream_url: null, args, ...more });

/** Where a door is, and what of it a test needs. */
async function openDoor(http: NonNullable<CoordinatorOptions["http"]> = {}, options: Partial<CoordinatorOptions> = {}): Promise<{ readonly coordinator: Coordinator; readonly url: string; readonly port: string; readonly at: (path: string) => string }> {
  const coordinator = await system.coordinate({ ...options, http });
  const url = coordinator.httpUrl!.href;
  return { coordinator, url, port: coordinator.httpUrl!.port, at: (path) => new URL(path, url).href };
}

/** A hook for one test: the responses that come to it. */
async function startHook(onProgress?: (value: unknown) => void): Promise<{ readonly url: string; readonly responses: Response[]; readonly next: () => Promise<Response> }> {
  const responses: Response[] = [];
  const accept = createResponseHandler((response) => {
    if (response.ext?.["progress"] === undefined) responses.push(response);
    else onProgress?.(response.ext["progress"]);
  });
  const url = await startHttp((request, response) => void accept(request, response));
  return {
    url,
    responses,
    async next() {
      await until(() => responses.length > 0);
      return responses.shift()!;
    },
  };
}

describe("a caller that holds its connection", () => {
  test.each([["/?wait=30s", {}], ["/?wait=30", {}], ["/?wait=500ms", {}], ["/?wait=1m", {}], ["/", { prefer: "wait=30" }], ["/", { prefer: "respond-async, wait=10; x=1" }]])("%s %j gets the response in the answer", async (path, headers) => {
    await system.provide("echo", ({ args }) => args);
    const { at } = await openDoor();
    const { status, headers: given, body } = await post(at(path), call("echo", { a: 1 }), headers);
    expect([status, JSON.parse(body)]).toEqual([200, { error: "", id: "1", result: { a: 1 }, stream_url: null }]);
    expect(given).toMatchObject({ "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" });
    expect(given["preference-applied"]).toBe("prefer" in headers ? (path === "/" && headers.prefer.includes("30") ? "wait=30" : "wait=10") : undefined);
  });

  test("A30 byte for byte, also what JavaScript can't hold", async () => {
    await system.provide("echo", (request, { answerWith }) => { answerWith({ id: "", error: "", result: null, streamUrl: null, raw: { text: request.raw!.text, value: null } }); });
    const { at } = await openDoor();
    const text = "[9007199254740993,1e400,-0,1.0,1e-7]";
    expect((await post(at("/?wait=5s"), `{"id":"1","task":"echo","responsehook":null,"stream_url":null,"args":${text}}`)).body).toBe(`{"error":"","id":"1","result":${text},"stream_url":null}`);
  });

  test("with an error: it is a response as any other, with its details", async () => {
    await system.provide("fail", () => { throw new AcommError("remote", "no such disk", { details: { disk: 7 } }); });
    const { at } = await openDoor();
    const { status, body } = await post(at("/?wait=5s"), call("fail"));
    expect([status, JSON.parse(body)]).toEqual([200, { error: "no such disk", id: "1", result: null, stream_url: null, ext: { error: { code: "remote", retryable: false, details: { disk: 7 }, cause: [] } } }]);
  });

  test("no longer than it wants, than its request has time, and than may be; then the response says timeout, and the handler has ended", async () => {
    const aborted: string[] = [];
    await system.provide("wait", (_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { aborted.push((signal.reason as AcommError).code); }); }));
    const { at } = await openDoor({ maxWaitMs: 200 });
    for (const [path, message, leastMs] of [["/?wait=50ms", call("wait"), 50], ["/?wait=30s", call("wait", null, { ext: { timeout: 60 } }), 60], ["/?wait=10m", call("wait"), 200]] as const) {
      const startedAt = performance.now();
      const { status, body } = await post(at(path), message);
      expect([status, JSON.parse(body).error]).toEqual([200, expect.stringMatching(/^timeout: /)]);
      expect(performance.now() - startedAt).toBeGreaterThan(leastMs - 5);
      expect(performance.now() - startedAt).toBeLessThan(leastMs + 250);
    }
    await until(() => aborted.length === 3);
    expect(new Set(aborted)).toEqual(new Set(["timeout"]));
  });

  test("and closes it takes its call back", async () => {
    const aborted = Promise.withResolvers<string>();
    await system.provide("wait", (_request, { signal }) => new Promise(() => { signal.addEventListener("abort", () => { aborted.resolve((signal.reason as AcommError).code); }); }));
    const { coordinator, port } = await openDoor();
    const body = JSON.stringify(call("wait"));
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(`POST /?wait=30s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.inFlight === 1);
    await wait(10); // the request is with its handler
    const closedAt = performance.now();
    socket.destroy();
    expect(await aborted.promise).toBe("cancelled");
    expect(performance.now() - closedAt).toBeLessThan(50);
    await until(() => coordinator.inFlightCount === 0);
  });

  test("is refused where too many do", async () => {
    const gate = Promise.withResolvers<number>();
    await system.provide("wait", () => gate.promise);
    const { coordinator, at } = await openDoor({ maxWaiting: 1 });
    const first = post(at("/?wait=5s"), call("wait"));
    await until(() => coordinator.inFlightCount === 1);
    expect(JSON.parse((await post(at("/?wait=5s"), call("wait"))).body).error).toMatch(/^overloaded: /);
    gate.resolve(5);
    expect(JSON.parse((await first).body).result).toBe(5);
  });

  test("hears what is wrong with its wish", async () => {
    await system.provide("echo", ({ args }) => args);
    const { at } = await openDoor();
    for (const value of ["", "soon", "-1", "1h", "1e3", "٣"]) expect([value, JSON.parse((await post(at(`/?wait=${encodeURIComponent(value)}`), call("echo"))).body).error]).toEqual([value, expect.stringMatching(/^bad_field: wait must be a duration/)]);
  });

  test("gets no result that is not JSON, whatever its provider writes", async () => {
    await system.provide("broken", (_request, { answerWith }) => { answerWith({ id: "", error: "", result: null, streamUrl: null, raw: { text: '1,"error":"x"', value: null } }); });
    const { at } = await openDoor();
    const caller = await post(at("/?wait=5s"), call("broken"));
    expect(JSON.parse(caller.body)).toMatchObject({ id: "1", result: null, error: expect.stringMatching(/^bad_/) });
  });
});

describe("a caller that takes events", () => {
  const events = { accept: "text/event-stream" };
  /** The events of a body, comments as "". */
  const parse = (body: string): [string, unknown][] => body.split("\n\n").filter((text) => text !== "").map((text) => {
    if (text.startsWith(":")) return ["", text];
    const lines = text.split("\n");
    return [lines[0]!.slice("event: ".length), JSON.parse(lines.slice(1).map((line) => line.slice("data: ".length)).join("\n"))];
  });

  test("gets its progress, then the response, and signs of life in between", async () => {
    const second = Promise.withResolvers<undefined>();
    await system.provide("work", async (_request, { progress, answerWith }) => {
      progress({ part: 1 });
      await second.promise;
      progress("line\nbreak");
      answerWith({ id: "", error: "", result: null, streamUrl: null, raw: { text: '{"a":\r\n1,\n"b":\r2}', value: null } });
    });
    const { at } = await openDoor({ heartbeatMs: 20 });
    const answer = post(at("/?wait=5s"), call("work"), events);
    await wait(100);
    second.resolve(undefined);
    const { status, headers, body } = await answer;
    expect([status, headers["content-type"], headers["cache-control"]]).toEqual([200, "text/event-stream", "no-store"]);
    const all = parse(body);
    expect(all.filter(([event]) => event !== "")).toEqual([["progress", { part: 1 }], ["progress", "line\nbreak"], ["response", { error: "", id: "1", result: { a: 1, b: 2 }, stream_url: null }]]);
    expect(all.filter(([event]) => event === "").length).toBeGreaterThan(1);
  });

  test("has its connection held without asking, and sees errors as responses", async () => {
    await system.provide("fail", () => { throw new Error("no"); });
    const { at } = await openDoor();
    expect(parse((await post(at("/"), call("fail"), events)).body)).toEqual([["response", { error: "no", id: "1", result: null, stream_url: null }]]);
    const refused = await post(at("/"), call("unknown"), events);
    expect([refused.headers["content-type"], JSON.parse(refused.body).error]).toEqual(["application/json", expect.stringMatching(/^unknown_task: /)]);
  });

  test("and doesn't read them holds up nobody, and has the response when it does", async () => {
    const finish = Promise.withResolvers<undefined>();
    const sent = Promise.withResolvers<undefined>();
    await system.provide("work", async (_request, { progress }) => {
      for (let part = 0; part < 2000; part += 1) {
        progress("x".repeat(10_000));
        if (part % 100 === 0) await new Promise(setImmediate);
      }
      sent.resolve(undefined);
      await finish.promise;
      return "done";
    });
    const { port } = await openDoor();
    const body = JSON.stringify(call("work"));
    const socket = connect(Number(port), "127.0.0.1").pause();
    socket.write(`POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await sent.promise;
    await wait(50);
    finish.resolve(undefined);
    await wait(50);
    let text = "";
    for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString();
    expect(text).toContain('event: response\ndata: {"error":"","id":"1","result":"done"');
    expect(text.length).toBeLessThan(20_000_000);
  });
});

describe("a caller with a hook", () => {
  test("is acknowledged, and answered there; Go's objects and strings name the same", async () => {
    await system.provide("echo", ({ args }) => args);
    const hook = await startHook();
    const { at, coordinator } = await openDoor({}, { admit: { hooks: [hook.url] } });
    for (const responsehook of [hook.url, JSON.parse(encodeRequest(createRequest({ task: "echo", responseHook: hook.url }))).responsehook]) {
      const { status, body } = await post(at("/"), call("echo", [1], { responsehook }));
      expect([status, body]).toEqual([200, '{"error":"","id":"","result":null,"stream_url":null}']);
      expect(await hook.next()).toMatchObject({ id: "1", error: "", result: [1] });
    }
    const { body } = await post(at("/"), call("echo", [2], { responsehook: undefined, responseHook: hook.url }));
    expect(body).toContain('"error":""');
    expect(await hook.next()).toMatchObject({ result: [2] });
    await until(() => coordinator.inFlightCount === 0);
  });

  test("A43 that names none is acknowledged, and the task runs", async () => {
    const ran = Promise.withResolvers<unknown>();
    await system.provide("note", ({ args }) => { ran.resolve(args); });
    const { at } = await openDoor();
    expect((await post(at("/"), { id: "1", task: "note", args: 5 })).body).toContain('"error":""');
    expect(await ran.promise).toBe(5);
  });

  test("hears at its hook what became of the call where it has no response", async () => {
    const hook = await startHook();
    await system.provide("wait", () => new Promise(() => undefined));
    const { at } = await openDoor({}, { admit: { hooks: [hook.url] } });
    await post(at("/"), call("wait", null, { responsehook: hook.url, ext: { timeout: 50 } }));
    expect((await hook.next()).error).toMatch(/^timeout: /);
  });

  test("F35 that comes back is answered then, within the request's time; one that doesn't is reported", async () => {
    const reports: AcommError[] = [];
    await system.provide("echo", ({ args }) => args);
    const hook = await startHook();
    let isBack = false;
    const flaky = await startHttp((request, response) => {
      if (!isBack) request.socket.destroy();
      else response.end('{"error":"","id":"","result":null,"stream_url":null}');
    });
    const { at, coordinator } = await openDoor({}, { admit: { hooks: [hook.url, flaky, "http://127.0.0.1:9"] }, onError: (error) => reports.push(error) });
    await post(at("/"), call("echo", 1, { responsehook: "http://127.0.0.1:9/", ext: { timeout: 20 } }));
    await until(() => reports.length === 1);
    expect(reports[0]?.code).toBe("undeliverable");
    await until(() => coordinator.inFlightCount === 0);
    isBack = true;
    await post(at("/"), call("echo", 1, { responsehook: flaky }));
    await until(() => coordinator.inFlightCount === 0);
    expect(reports).toHaveLength(1);
  });

  test("S13 a thousand requests of one id: each caller gets its own answer, and nobody else's", async () => {
    await system.provide("echo", ({ args }) => args);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => { warnings.push(warning); };
    process.on("warning", onWarning);
    onTestFinished(() => { process.off("warning", onWarning); });
    const hooks = await Promise.all(Array.from({ length: 4 }, () => startHook()));
    const { at } = await openDoor({}, { admit: { hooks: hooks.map(({ url }) => url) } });
    const held = Array.from({ length: 500 }, (_, index) => ({ index, answer: post(at("/?wait=20s"), call("echo", `held ${index}`)) }));
    for (let index = 0; index < 500; index += 1) void post(at("/"), call("echo", `hook ${index % 4}`, { responsehook: hooks[index % 4]!.url }));
    for (const { index, answer } of held) expect(JSON.parse((await answer).body)).toMatchObject({ id: "1", result: `held ${index}` });
    await until(() => hooks.every(({ responses }) => responses.length === 125));
    for (const [index, { responses }] of hooks.entries()) expect(new Set(responses.map(({ result }) => result))).toEqual(new Set([`hook ${index}`]));
    expect(warnings).toEqual([]);
  });

  test("takes progress there, before its answer, from outside and inside", async () => {
    await system.provide("work", async (_request, { progress }) => {
      progress("half");
      await until(() => heard.length > 0);
      return "whole";
    });
    const heard: unknown[] = [];
    const hook = await startHook((value) => heard.push(value));
    const { at, coordinator } = await openDoor({}, { admit: { hooks: [hook.url] } });
    const request = call("work", null, { responsehook: hook.url, ext: { progress: true } });
    await post(at("/"), request);
    expect([(await hook.next()).result, heard.splice(0)]).toEqual(["whole", ["half"]]);
    connect(coordinator.url.pathname).end(encodeFrame(JSON.stringify(request))).resume();
    expect([(await hook.next()).result, heard]).toEqual(["whole", ["half"]]);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["HTML", (response) => response.end("<html>")],
    ["500 {}", (response) => response.writeHead(500).end("{}")],
    ["204", (response) => response.writeHead(204).end()],
    ["302", (response) => response.writeHead(302, { location: "/" }).end()],
    ["half of an answer", (response) => { response.writeHead(200, { "content-length": "100" }).write("{"); setImmediate(() => response.destroy()); }],
    ["null", (response) => response.end("null")],
    ["megabytes", (response) => response.end(" ".repeat(4_000_000))],
    ["gzip", (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("{}"))],
  ])("A75 that answers with %s is a failure that is reported, and nothing else", async (_name, answer) => {
    const reports: AcommError[] = [];
    await system.provide("echo", ({ args }) => args);
    let posts = 0;
    const hook = await startHttp((request, response) => {
      posts += 1;
      request.resume().on("end", () => { answer(response); });
    });
    const { at } = await openDoor({}, { admit: { hooks: [hook] }, onError: (error) => reports.push(error) });
    await post(at("/"), call("echo", null, { responsehook: hook }));
    await until(() => reports.length > 0);
    expect(reports.map(({ code }) => code)).toEqual(["undeliverable"]);
    expect(posts).toBeLessThanOrEqual(3);
  });
});

describe("streams", () => {
  test("of an answer are read at a signed URL, once; S27 with headers that let nobody take them for a page", async () => {
    const maker = await system.caller();
    await system.provide("stream", async (_request, { attachStream }) => {
      attachStream(await maker.createUnixStream(Readable.from([Buffer.from("all "), Buffer.from("of it")])));
      return "see stream";
    });
    const hook = await startHook();
    const { at } = await openDoor({}, { admit: { hooks: [hook.url] } });
    const { stream_url: url } = JSON.parse((await post(at("/?wait=5s"), call("stream"))).body);
    const href = `${url.Scheme}://${url.Host}${url.Path}?${url.RawQuery}`;
    expect(href.startsWith(at("/stream?addr="))).toBe(true);
    const { status, headers, body } = await exchange(href);
    expect([status, body]).toEqual([200, "all of it"]);
    expect(headers).toMatchObject({ "content-type": "application/octet-stream", "x-content-type-options": "nosniff", "cache-control": "no-store" });
    expect((await exchange(href)).status).toBe(410); // A80
    await post(at("/"), call("stream", null, { responsehook: hook.url }));
    const { streamUrl } = await hook.next();
    expect(streamUrl?.origin).toBe(new URL(at("/")).origin);
    expect((await exchange(streamUrl!)).body).toBe("all of it");
  });

  test("A79 A74 without a signature, with one that is wrong, or asked for in another way, are not read", async () => {
    const maker = await system.caller();
    let opened = 0;
    await system.provide("stream", async (_request, { attachStream }) => { attachStream(await maker.createUnixStream(() => { opened += 1; return Readable.from(["x"]); })); });
    const { at } = await openDoor();
    const { stream_url: url } = JSON.parse((await post(at("/?wait=5s"), call("stream"))).body);
    const query = new URLSearchParams(url.RawQuery);
    expect((await exchange(at("/stream"))).status).toBe(400);
    expect((await exchange(at(`/stream?addr=${encodeURIComponent(query.get("addr")!)}`))).status).toBe(403);
    expect((await exchange(at(`/stream?${url.RawQuery.replace(/sig=../, "sig=xx")}`))).status).toBe(403);
    for (const method of ["HEAD", "OPTIONS", "TRACE", "POST", "PUT", "DELETE"]) expect([method, (await exchange(at(`/stream?${url.RawQuery}`), { method })).status]).toEqual([method, 405]);
    expect(opened).toBe(0);
    expect((await exchange(at(`/stream?${url.RawQuery}`))).body).toBe("x");
  });

  test("A81 A85 that fail break off, or are a 502 where nothing has come yet", async () => {
    const maker = await system.caller();
    await system.provide("stream", async ({ args }, { attachStream }) => {
      attachStream(await maker.createUnixStream(async function* () {
        if (args === "late") yield Buffer.alloc(100_000);
        throw new Error("the disk is gone");
      }()));
    });
    const { at } = await openDoor();
    const read = async (args: string): Promise<unknown> => {
      const { stream_url: url } = JSON.parse((await post(at("/?wait=5s"), call("stream", args))).body);
      return exchange(at(`/stream?${url.RawQuery}`)).then(({ status }) => status, (error: unknown) => (error as NodeJS.ErrnoException).code);
    };
    expect(await read("late")).toBe("ECONNRESET");
    expect(await read("early")).toBe(502);
  });

  test("of a request are read where the list says, and the provider gets a unix stream", async () => {
    const seen: (string | undefined)[] = [];
    await system.provide("size", async ({ streamUrl }) => {
      seen.push(streamUrl?.protocol);
      return stream(() => undefined, streamUrl!);
    });
    const source = await startHttp((request, response) => { response.end("x".repeat(request.url === "/big" ? 1_000_000 : 3)); });
    const { at, coordinator } = await openDoor({}, { admit: { streams: [source] } });
    for (const [url, size] of [[source, 3], [`${source}big`, 1_000_000]] as const) expect(JSON.parse((await post(at("/?wait=5s"), call("size", null, { stream_url: url }))).body)).toMatchObject({ error: "", result: size });
    expect(seen).toEqual(["unix:", "unix:"]);
    const caller = await system.caller();
    expect(await caller.request(coordinator.url, { task: "size", streamUrl: source })).toBe(3);
  });
});

describe("who may call", () => {
  test("with tokens: only who shows one; health and what is signed need none", async () => {
    await system.provide("echo", ({ args }) => args);
    const { at } = await openDoor({ tokens: ["first", "second"] });
    for (const authorization of [undefined, "Bearer third", "first"]) expect((await post(at("/?wait=5s"), call("echo"), authorization === undefined ? {} : { authorization })).status).toBe(401);
    for (const token of ["first", "second"]) expect((await post(at("/?wait=5s"), call("echo"), { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await exchange(at("/healthz"))).status).toBe(200);
    expect((await exchange(at("/stream"))).status).toBe(400);
    expect((await post(at("/proxy"), { id: "nobody", result: 1 })).body).toContain("unknown_id");
  });

  test("S15 another Host, a page of another origin and a simple post are refused; a page that is let in may ask and read", async () => {
    await system.provide("echo", ({ args }) => args);
    const { at, port } = await openDoor({ allowedOrigins: ["https://app.example"] });
    const body = JSON.stringify(call("echo"));
    const raw = (headers: string): Promise<{ readonly status: number }> => exchangeRaw(port, `POST /?wait=5s HTTP/1.1\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`);
    expect((await raw("Host: evil.example\r\nContent-Type: application/json\r\n")).status).toBe(403);
    expect((await raw("Host: 127.0.0.1\r\nContent-Type: application/json\r\nOrigin: https://evil.example\r\n")).status).toBe(403);
    expect((await raw("Host: 127.0.0.1\r\nContent-Type: text/plain\r\n")).status).toBe(415);
    const preflight = await exchange(at("/"), { method: "OPTIONS", headers: { origin: "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type,prefer" } });
    expect([preflight.status, preflight.headers["access-control-allow-origin"], preflight.headers["access-control-allow-headers"]]).toEqual([204, "https://app.example", "content-type, authorization, prefer"]);
    const answer = await post(at("/?wait=5s"), call("echo", 1), { origin: "https://app.example" });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, "https://app.example"]);
  });

  test("S16 from this machine alone, unless told otherwise", async () => {
    const { port } = await openDoor();
    const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
    const listening = (await readFile("/proc/net/tcp", "utf8")).split("\n").filter((line) => line.includes(`:${hex} 00000000:0000 0A`));
    expect(listening.map((line) => line.trim().split(/\s+/)[1])).toEqual([`0100007F:${hex}`]);
  });

  test("A62 A63 A64 A72 A77 with a method, a type, a body and a path that are served", async () => {
    const { at, port } = await openDoor();
    for (const method of ["GET", "PUT", "DELETE", "HEAD"]) {
      const { status, headers } = await exchange(at("/"), { method });
      expect([method, status, headers.allow]).toEqual([method, 405, "POST"]);
    }
    expect((await post(at("/"), call("echo"), { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(at("/"), call("echo"), { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post(at("/"), "")).status).toBe(400);
    for (const path of ["//evil", "/..;/", "/%2e%2e/", "/Stream", "/healthz/", "/proxy/x"]) expect([path, (await exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)).status]).toEqual([path, 404]);
    expect((await exchange(at("/healthz"), { method: "POST" })).status).toBe(405);
  });

  test("A65 A67 A68 A70 A71 with a request that is in order and no larger than may be", async () => {
    let runs = 0;
    await system.provide("echo", () => { runs += 1; });
    const { port } = await openDoor({ maxBodyBytes: 1000 });
    const good = JSON.stringify(call("echo"));
    const marker = `POST /?wait=5s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`;
    const head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
    const cases: [string, number][] = [
      [`${head}Content-Length: 1001\r\n\r\n${"x".repeat(1001)}`, 413],
      [`${head}Content-Length: 9223372036854775807\r\n\r\n`, 413],
      [`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      [`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde`, 400],
      [`${head}Content-Length: +2\r\n\r\n{}`, 400],
      [`${head}Transfer-Encoding: xchunked\r\n\r\n`, 400],
      [`${head}Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n`, 400],
      [`POST / HTTP/1.1\nHost: 127.0.0.1\n\n`, 400],
      [`GET http://169.254.169.254/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 400],
      [`${head}x: ${"y".repeat(17 * 1024)}\r\n\r\n`, 431],
      [`${head}${"x: y\r\n".repeat(3000)}\r\n`, 431],
    ];
    for (const [bytes, status] of cases) expect([bytes.slice(0, 120), (await exchangeRaw(port, `${bytes}${marker}`)).status]).toEqual([bytes.slice(0, 120), status]);
    expect((await exchangeRaw(port, `CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)).status || 400).toBe(400);
    expect(runs).toBe(0);
  });

  test("A66 in the time that a body may take", async () => {
    const { port } = await openDoor({ requestTimeoutMs: 300 });
    const startedAt = performance.now();
    const { status } = await exchangeRaw(port, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", (socket) => {
      const drip = setInterval(() => socket.write("1\r\nx\r\n"), 50);
      socket.once("close", () => { clearInterval(drip); });
    });
    expect(status).toBe(408);
    expect(performance.now() - startedAt).toBeLessThan(1500);
  });

  test("A27 A40 A41 A42 A44 with a message that is in order: the same is refused as on the socket", async () => {
    const seen: Request[] = [];
    await system.provide("echo", (request) => {
      seen.push(request);
      return request.args;
    });
    const { at } = await openDoor();
    const codeOfPost = async (message: unknown): Promise<string> => (JSON.parse((await post(at("/?wait=5s"), message)).body) as { error: string }).error.split(":")[0]!;
    for (const id of [undefined, "", 1, null, {}, "x".repeat(129), "a\nb", "\u0007"]) expect([id, await codeOfPost({ ...call("echo"), id })]).toEqual([id, "bad_field"]);
    for (const task of [undefined, "", 5, "x".repeat(129), "a\u0000b", ".", "..", "a/b", "a b", "\u202ee"]) expect([task, await codeOfPost({ ...call("echo"), task })]).toEqual([task, "bad_field"]);
    for (const task of ["response", "coordinator", "streams", "Response", "STREAMS"]) expect([task, await codeOfPost({ ...call("echo"), task })]).toEqual([task, "unknown_task"]);
    for (const hook of [5, "", [], {}, { Scheme: 1 }]) expect([hook, await codeOfPost({ ...call("echo"), responsehook: hook })]).toEqual([hook, "bad_field"]);
    for (const text of ["null", "[]", '"x"', "{", "\u00ff"]) expect([text, await codeOfPost(text)]).toEqual([text, "bad_json"]);
    expect(seen).toEqual([]);
    expect(JSON.parse((await post(at("/?wait=5s"), '{"id":"a","task":"echo","id":"b","args":1}')).body)).toMatchObject({ id: "b", result: 1 });
    expect(JSON.parse((await post(at("/?wait=5s"), '{"id":"1","task":"echo","args":{"__proto__":{"polluted":1}}}')).body).error).toBe(""); // S19
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("health, and the end", () => {
  test("F38 ok, then draining: what is new is refused with stopping, what was accepted is answered, at the hook as well, and then the door is closed", async () => {
    const gate = Promise.withResolvers<undefined>();
    await system.provide("wait", async ({ args }) => {
      await gate.promise;
      return args;
    });
    const hook = await startHook();
    const { coordinator, at } = await openDoor({}, { admit: { hooks: [hook.url] } });
    expect([(await exchange(at("/healthz"))).status, (await exchange(at("/healthz"))).body]).toEqual([200, '{"status":"ok"}']);
    const held = Array.from({ length: 50 }, (_, index) => post(at("/?wait=20s"), call("wait", index)));
    for (let index = 0; index < 50; index += 1) await post(at("/"), call("wait", index, { responsehook: hook.url }));
    await until(() => coordinator.inFlightCount === 100);
    const stopped = coordinator.stop();
    expect(await exchange(at("/healthz"))).toMatchObject({ status: 503, body: '{"status":"draining"}' });
    expect(JSON.parse((await post(at("/?wait=5s"), call("wait"))).body).error).toMatch(/^stopping: /);
    expect(JSON.parse((await post(at("/"), call("wait"))).body).error).toMatch(/^stopping: /);
    gate.resolve(undefined);
    for (const [index, answer] of held.entries()) expect(JSON.parse((await answer).body)).toMatchObject({ result: index });
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    expect(hook.responses).toHaveLength(50);
    await expect(exchange(at("/healthz"))).rejects.toThrow("ECONNREFUSED");
  });

  test("F39 at the grace: a stuck call is answered with stopping; an idle connection and a half-sent body don't hold it up", async () => {
    await system.provide("stuck", () => new Promise(() => undefined));
    const { coordinator, at, port } = await openDoor();
    const stuck = post(at("/?wait=20s"), call("stuck"));
    const idle = exchangeRaw(port, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const half = exchangeRaw(port, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    await until(() => coordinator.inFlightCount === 1);
    const startedAt = performance.now();
    const { cut } = await coordinator.stop({ graceMs: 300 });
    expect(performance.now() - startedAt).toBeGreaterThan(290);
    expect(performance.now() - startedAt).toBeLessThan(600);
    expect(cut).toEqual([{ id: "1", task: "stuck", ageMs: expect.any(Number) }]);
    expect(JSON.parse((await stuck).body).error).toMatch(/^stopping: /);
    await Promise.all([idle, half]);
  });

  test("S25 an error names no file, no socket and no line of code", async () => {
    await system.provide("gone", async () => readFile("/etc/no-such-file"));
    const { at } = await openDoor({}, { waitForProviderMs: 50 });
    const texts = [
      (await post(at("/?wait=5s"), call("gone"))).body,
      (await post(at("/?wait=5s"), call("unknown"))).body,
      (await post(at("/?wait=5s"), call("gone", null, { stream_url: "http://10.0.0.1/x" }))).body,
      (await exchange(at("/stream?addr=unix:///run/secret.sock"))).body,
      (await post(at("/?wait=5s"), call("gone", null, { taskURL: `unix://${system.socketDir}/secret/50-a.sock` }))).body,
    ];
    for (const text of texts) {
      expect(text).not.toMatch(/\.ts:|node_modules|\/etc\/|\/run\/|\.sock/);
      expect(text).not.toContain(system.path);
    }
  });

  test("S12 F29 F30 a response at /proxy for which nobody waits is refused", async () => {
    const { at } = await openDoor();
    for (const response of [createResponse({ id: "guessed" }, { result: 1 }), createResponse({ id: crypto.randomUUID() }, { error: "x" })]) {
      expect(JSON.parse((await post(at("/proxy"), { id: response.id, error: response.error, result: response.result })).body).error).toMatch(/^unknown_id: /);
    }
    expect(JSON.parse((await post(at("/proxy"), { id: "x", ext: { progress: 1 } })).body).error).toMatch(/^unknown_id: /);
  });
});
