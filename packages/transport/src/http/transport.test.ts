import { AcommError, parseUrl } from "@acomm/protocol";
import type { Acknowledgement } from "@acomm/protocol";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startHttp } from "../fixtures/http.ts";
import { runFixture } from "../fixtures/run-fixture.ts";
import type { TestServer } from "../fixtures/http.ts";
import { codeOf, errorOf, startCanaries, temporaryDirectory, thrownBy } from "@acomm/testing";
import { until } from "../fixtures/until.ts";
import { openStream } from "../stream.ts";
import { createRegistry } from "../registry.ts";
import type { Transport } from "../transport.ts";
import { createHttpTransport } from "./transport.ts";

let transport: Transport;
beforeEach(() => { transport = createHttpTransport(); });
afterEach(() => transport.close());

const redirects = [300, 301, 302, 303, 305, 307, 308];
const accepted = '{"error":"","id":"","result":null,"stream_url":null}';
const send = (to: string | TestServer, message = "text", wait: Parameters<Transport["send"]>[2] = {}): Promise<Acknowledgement> => transport.send(parseUrl(typeof to === "string" ? to : to.url), message, wait);
const answering = (status: number, body: string | Buffer = "", headers: Record<string, string> = {}): Promise<TestServer> => startHttp((_request, response) => { response.writeHead(status, headers).end(body); });

describe("send", () => {
  test("posts the text as JSON and gives the acknowledgement", async () => {
    const seen: unknown[] = [];
    await using server = await startHttp((request, response) => {
      void text(request).then((body) => {
        seen.push([request.method, request.url, request.headers["content-type"], request.headers["content-length"], request.headers["accept-encoding"], request.headers["transfer-encoding"], body]);
        response.end(accepted);
      });
    });
    expect(await send(`${server.url}a%20b?c=%26`, "ä€")).toEqual({ error: "", keepAlive: false, reply: false, cancel: false });
    expect(seen).toEqual([["POST", "/a%20b?c=%26", "application/json", "5", "identity", undefined, "ä€"]]);
  });

  test("gives the refusal as well, which is also status 200", async () => {
    await using server = await answering(200, '{"error":"overloaded: later","id":""}');
    expect((await send(server)).error).toBe("overloaded: later");
  });

  test("keeps its connections, and opens no more than maxSockets", async () => {
    transport = createHttpTransport({ maxSockets: 3 });
    const sockets = new Set<unknown>();
    await using server = await startHttp((request, response) => {
      sockets.add(request.socket);
      response.end(accepted);
    });
    await Promise.all(Array.from({ length: 60 }, () => send(server)));
    await Promise.all(Array.from({ length: 60 }, () => send(server)));
    expect(sockets.size).toBeLessThanOrEqual(3);
  });

  for (const [what, status, body, code] of [
    ["404 with a long page", 404, "x".repeat(300_000), "undeliverable"],
    ["302", 302, "", "undeliverable"],
    ["400", 400, accepted, "undeliverable"],
    ["500 with an acknowledgement", 500, accepted, "ambiguous"],
    ["503", 503, "", "overloaded"],
    ["429", 429, "", "overloaded"],
    ["204", 204, "", "ambiguous"],
    ["200 with a page", 200, "<html>hello</html>", "ambiguous"],
    ["200 with null", 200, "null", "ambiguous"],
    ["200 with nothing", 200, "", "ambiguous"],
    ["500 with {}", 500, "{}", "ambiguous"],
    ["200 with 65 KiB", 200, accepted.padEnd(65 * 1024 + 1), "ambiguous"],
  ] as const) {
    test(`A75 ${what} is ${code}`, async () => {
      await using server = await answering(status, body, status === 302 ? { location: "/elsewhere" } : {});
      const error = await errorOf(send(server));
      expect(error.code).toBe(code);
      if (status === 302) expect(error.message).toMatch("redirects are not followed");
    });
  }

  test("S7 a redirect is not followed, wherever it leads", async () => {
    await using directory = await temporaryDirectory();
    await using canaries = await startCanaries(directory.socket("canary"));
    let requests = 0;
    for (const location of [`http://127.0.0.1:${canaries.port}/`, `//127.0.0.1:${canaries.port}/`, `unix://${directory.socket("canary")}`, "/elsewhere", "file:///etc/passwd"]) {
      await using server = await startHttp((_request, response) => {
        requests += 1;
        response.writeHead(redirects[requests % redirects.length] ?? 302, { location, refresh: `0; url=${location}`, link: `<${location}>; rel=canonical` }).end(accepted);
      });
      for (const _ of redirects) {
        expect(await codeOf(send(server))).toBe("undeliverable");
        expect(await codeOf(openStream(server.url))).toBe("undeliverable");
      }
    }
    expect([canaries.visits, requests]).toEqual([0, 5 * 2 * redirects.length]);
  });

  test("A75 S21 a body of any length is read no further than an acknowledgement may be long, and never decompressed", async () => {
    let written = 0;
    await using server = await startHttp((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
      };
      response.on("drain", more);
      more();
    });
    expect(await codeOf(send(server))).toBe("ambiguous");
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  test("S18 nothing goes along but what the message needs: no credentials, no cookies, not even those that the server has set", async () => {
    const seen: unknown[] = [];
    await using server = await startHttp((request, response) => {
      seen.push(request.rawHeaders.filter((_value, index) => index % 2 === 0).map((name) => name.toLowerCase()).toSorted());
      response.writeHead(200, { "set-cookie": "session=marker", "www-authenticate": "Basic", "alt-svc": 'h2=":1"' }).end(accepted);
    });
    for (let round = 0; round < 2; round += 1) {
      await send(server);
      await text(await openStream(server.url, { registry: createRegistry([transport]) }));
    }
    const [posted, got] = [["accept-encoding", "connection", "content-length", "content-type", "host"], ["accept-encoding", "connection", "host"]];
    expect(seen).toEqual([posted, got, posted, got]);
  });

  test("an answer that breaks off, or never comes, is ambiguous: it may have been accepted", async () => {
    const behaviours: RequestListener[] = [
      (_request, response) => { response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy()); },
      (request) => { request.socket.destroy(); },
      (request) => { request.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"); },
    ];
    for (const behave of behaviours) {
      await using server = await startHttp(behave);
      expect(await codeOf(send(server))).toBe("ambiguous");
    }
  });

  test("A75 F24 an acknowledgement that drips in has the time of the whole, not of a byte", async () => {
    await using server = await startHttp((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 5);
      response.on("close", () => { clearInterval(drip); });
    });
    const startedAt = performance.now();
    expect(await codeOf(send(server, "text", { timeoutMs: 100 }))).toBe("timeout");
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test("what is no HTTP is ambiguous", async () => {
    const server = createNetServer((socket) => { socket.once("data", () => socket.end("SSH-2.0-x\r\n")).on("error", () => undefined); }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    expect(await codeOf(send(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))).toBe("ambiguous");
  });

  test("where nobody listens is unavailable: it was surely not accepted", async () => {
    const server = await answering(200);
    await server[Symbol.asyncDispose]();
    expect(await codeOf(send(server))).toBe("unavailable");
    expect(await codeOf(send("http://host.invalid/"))).toBe("unavailable");
  });

  test("F15 a timeout or a signal ends the wait, and the exchange", async () => {
    const closed: Promise<unknown>[] = [];
    await using server = await startHttp((request) => { closed.push(new Promise((resolve) => request.once("close", resolve))); });
    const controller = new AbortController();
    const cancelled = codeOf(send(server, "text", { signal: controller.signal }));
    expect(await codeOf(send(server, "text", { timeoutMs: 30 }))).toBe("timeout");
    await until(() => closed.length === 2);
    controller.abort();
    expect(await cancelled).toBe("cancelled");
    expect(await codeOf(send(server, "text", { signal: controller.signal }))).toBe("cancelled");
    expect(await codeOf(send(server, "text", { timeoutMs: Number.NaN }))).toBe("bad_field");
    await Promise.all(closed);
  });

  test("close fails what is on its way with stopping, and what comes later", async () => {
    let arrived = 0;
    await using server = await startHttp(() => { arrived += 1; });
    const warnings: Error[] = [];
    const warn = (warning: Error): void => { warnings.push(warning); };
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    const outcomes = Array.from({ length: 20 }, () => codeOf(send(server)));
    await until(() => arrived === 20);
    await transport.close();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["stopping"]));
    expect(await codeOf(send(server))).toBe("stopping");
    expect(warnings).toEqual([]);
  });

  test("limits that make no sense are refused by name", () => {
    expect(thrownBy(() => createHttpTransport({ maxSockets: 0 })).message).toMatch("maxSockets");
  });
});

test("S18 the environment's proxy is not used, whatever Node is told", async () => {
  await using directory = await temporaryDirectory();
  await using proxy = await startCanaries(directory.socket("canary"));
  const hosts: (string | undefined)[] = [];
  await using server = await startHttp((request, response) => {
    hosts.push(request.headers.host);
    response.end(accepted);
  });
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const env = { ...Object.fromEntries(names.map((name) => [name, `http://127.0.0.1:${proxy.port}`])), NODE_USE_ENV_PROXY: "1", NODE_NO_WARNINGS: "1", NO_PROXY: "", no_proxy: "" };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  await using client = runFixture("send-and-read", server.url);
  expect(await client.output()).toEqual({ code: 0, text: "sent\nread 52 bytes\n" });
  expect([hosts, proxy.visits]).toEqual([[`127.0.0.1:${server.port}`, `127.0.0.1:${server.port}`], 0]);
});

describe("openStream", () => {
  const open = (server: TestServer, options: Parameters<Transport["openStream"]>[1] = {}): ReturnType<Transport["openStream"]> => transport.openStream(parseUrl(server.url), options);

  test("gives the body", async () => {
    await using server = await answering(200, "bytes");
    expect(await text(await open(server))).toBe("bytes");
    expect(await text(await openStream(server.url))).toBe("bytes");
    await using registry = createRegistry([transport]);
    expect(await text(await openStream(server.url, { registry }))).toBe("bytes");
  });

  test("A81 a body that breaks off is truncated_stream", async () => {
    for (const headers of [{ "content-length": "100" }, {}] as Record<string, string>[]) {
      await using server = await startHttp((_request, response) => { response.writeHead(200, headers).write("some", () => response.destroy()); });
      const error = await errorOf(buffer(await open(server)));
      expect([error.code, error.message.includes("cut short after 4 bytes")]).toEqual(["truncated_stream", true]);
    }
  });

  test("S21 a body is given as it is, compressed or not", async () => {
    const compressed = gzipSync("x".repeat(100_000));
    for (const encoding of ["gzip", "br", "deflate"]) {
      await using server = await answering(200, compressed, { "content-encoding": encoding });
      expect((await buffer(await open(server))).equals(compressed)).toBe(true);
    }
  });

  test("another status is an error that says what it means", async () => {
    for (const [status, code] of [[403, "forbidden_target"], [401, "forbidden_target"], [404, "unavailable"], [410, "unavailable"], [502, "unavailable"], [206, "undeliverable"], [400, "undeliverable"]] as const) {
      await using server = await answering(status, "x");
      expect([status, await codeOf(open(server))]).toEqual([status, code]);
    }
  });

  test("a timeout, a signal, silence and a close end it", async () => {
    await using silent = await startHttp((request, response) => {
      if (request.url !== "/never") response.writeHead(200).write("x");
    });
    expect(await codeOf(transport.openStream(parseUrl(`${silent.url}never`), { timeoutMs: 20 }))).toBe("timeout");
    expect(await codeOf(open(silent, { idleTimeoutMs: Number.NaN }))).toBe("bad_field");
    expect(await codeOf(buffer(await open(silent, { idleTimeoutMs: 30 })))).toBe("timeout");
    const controller = new AbortController();
    const cancelled = codeOf(buffer(await open(silent, { signal: controller.signal })));
    controller.abort(new AcommError("stopping", "a reason of ours"));
    expect(await cancelled).toBe("stopping");
    const cut = codeOf(buffer(await open(silent)));
    const opening = codeOf(transport.openStream(parseUrl(`${silent.url}never`), {}));
    await transport.close();
    expect([await cut, await opening]).toEqual(["truncated_stream", "stopping"]);
  });

  test("where nobody listens, or it ends without an answer, is unavailable", async () => {
    const server = await startHttp((request) => { request.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"); });
    expect(await codeOf(open(server))).toBe("unavailable");
    await server[Symbol.asyncDispose]();
    expect(await codeOf(open(server))).toBe("unavailable");
  });
});
