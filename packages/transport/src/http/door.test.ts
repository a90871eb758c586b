import { createRequest, encodeRequest } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { codeOf, thrownBy } from "@acomm/testing";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { exchangeRaw } from "../fixtures/http.ts";
import type { RawExchange } from "../fixtures/http.ts";
import { createGate, until } from "../fixtures/until.ts";
import { HttpDoor } from "./door.ts";
import type { HttpDoorOptions } from "./door.ts";
import { createRequestHandler } from "./message-handler.ts";

interface TestDoor {
  readonly door: HttpDoor;
  readonly port: number;
  /** The requests that got in. */
  readonly requests: readonly Request[];
}

async function openDoor(options: Partial<HttpDoorOptions> = {}): Promise<TestDoor> {
  const requests: Request[] = [];
  const door = new HttpDoor({ routes: { "/": createRequestHandler((request) => { requests.push(request); }) }, ...options });
  await door.start();
  onTestFinished(async () => { await door.stop({ graceMs: 0 }); });
  return { door, port: Number(door.url.port), requests };
}

const body = encodeRequest(createRequest({ task: "t", id: "good" }));
const post = (headers = "", path = "/", text = body): string => `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${headers}\r\n${text}`;
const closing = "Connection: close\r\n";
/** A whole request that must never run: it stands behind one that should end the connection. */
const marker = post("", "/", encodeRequest(createRequest({ task: "marker", id: "marker" })));
const statusOf = async (port: number, bytes: string): Promise<number> => (await exchangeRaw(port, bytes)).status;

test("S16 it listens on loopback alone unless told otherwise, and says where", async () => {
  const { door, port, requests } = await openDoor();
  expect(door.url.href).toBe(`http://127.0.0.1:${port}/`);
  expect(await statusOf(port, post(closing))).toBe(200);
  expect(requests).toMatchObject([{ id: "good" }]);
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const listening = (await readFile("/proc/net/tcp", "utf8")).split("\n").filter((line) => line.includes(`:${hex} 00000000:0000 0A`));
  expect(listening.map((line) => line.trim().split(/\s+/)[1])).toEqual([`0100007F:${hex}`]);
});

describe("who may come in", () => {
  test("S15 another Host, two of them or none, and a page of another origin are refused", async () => {
    const { port, requests } = await openDoor({ allowedOrigins: ["https://app.example"] });
    const withHost = (host: string): string => post(closing).replace("Host: 127.0.0.1\r\n", host);
    for (const [host, status] of [["Host: evil.example\r\n", 403], ["Host: 127.0.0.1.evil.example\r\n", 403], ["Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", 400], ["Host:\r\n", 403], ["", 400], [`Host: LOCALHOST:${port}\r\n`, 200], ["Host: [::1]\r\n", 200]] as const) {
      expect([host, await statusOf(port, withHost(host))]).toEqual([host, status]);
    }
    expect(await statusOf(port, post(`Origin: https://evil.example\r\n${closing}`))).toBe(403);
    expect(await statusOf(port, post(`Origin: null\r\n${closing}`))).toBe(403);
    expect(await statusOf(port, post(`Origin: https://app.example\r\n${closing}`))).toBe(200);
    expect(await statusOf(port, post(closing).replace("application/json", "text/plain"))).toBe(415);
    expect(requests).toHaveLength(3);
  });

  test("a page of an origin that is let in may ask before it posts, and read what it gets", async () => {
    const { port, requests } = await openDoor({ allowedOrigins: ["https://app.example"] });
    const ask = (origin: string): Promise<RawExchange> => exchangeRaw(port, `OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n${closing}\r\n`);
    const { status, head } = await ask("https://app.example");
    expect([status, /access-control-allow-origin: (.*)/.exec(head)?.[1], /access-control-allow-headers: (.*)/.exec(head)?.[1]]).toEqual([204, "https://app.example", "content-type"]);
    const refused = await ask("https://evil.example");
    expect([refused.status, refused.head.includes("access-control")]).toEqual([403, false]);
    const other = await openDoor({ allowedOrigins: ["https://app.example"], allowedHeaders: ["content-type", "prefer"] });
    const allowing = await exchangeRaw(other.port, `OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n${closing}\r\n`);
    expect(/access-control-allow-headers: (.*)/.exec(allowing.head)?.[1]).toBe("content-type, prefer");
    const posted = await exchangeRaw(port, post(`Origin: https://app.example\r\n${closing}`));
    expect([posted.status, posted.head.includes("access-control-allow-origin: https://app.example"), posted.head.includes("vary: origin")]).toEqual([200, true, true]);
    expect(requests).toHaveLength(1);
  });

  test("every address as host needs the names by which callers reach it", async () => {
    for (const host of ["0.0.0.0", "::"]) expect(thrownBy(() => new HttpDoor({ routes: {}, host })).message).toMatch("say in allowedHosts by which names callers reach it");
    const { port } = await openDoor({ host: "0.0.0.0", allowedHosts: ["Door.Example"] });
    expect(await statusOf(port, post(closing).replace("127.0.0.1", "door.example"))).toBe(200);
    expect(await statusOf(port, post(closing))).toBe(403);
  });

  test("A77 a path is served or it is not: nothing is resolved or unescaped", async () => {
    const { door, port, requests } = await openDoor();
    for (const path of ["//evil", "/..;/", "/%2e%2e/", "/../", "/x", "//", "/%2f"]) expect([path, await statusOf(port, post(closing, path))]).toEqual([path, 404]);
    expect(await statusOf(port, post(closing, "/?wait=1"))).toBe(200);
    expect(requests).toHaveLength(1);
    door.route("/x", createRequestHandler(() => undefined));
    expect(await statusOf(port, post(closing, "/x"))).toBe(200);
  });

  test("A70 a request for somewhere else is no business of this door: absolute targets, CONNECT, asterisk, upgrades", async () => {
    const { port, requests } = await openDoor();
    expect(await statusOf(port, post(closing, "http://169.254.169.254/latest"))).toBe(400);
    expect(await statusOf(port, post(closing, "http://127.0.0.1/"))).toBe(400);
    expect(await statusOf(port, `OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n${closing}\r\n`)).toBe(400);
    expect((await exchangeRaw(port, "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n")).body).toBe("");
    expect(await statusOf(port, `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)).toBe(405);
    expect(requests).toEqual([]);
  });
});

describe("A68 what two parsers could read in two ways is 400, the connection ends, and what stands behind it never runs", () => {
  const head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  for (const [what, bytes] of [
    ["Content-Length and Transfer-Encoding", `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["Transfer-Encoding and Content-Length", `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
    ["two lengths", `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ["a length with a sign", `${head}Content-Length: +2\r\n\r\n{}`],
    ["a length in hexadecimal", `${head}Content-Length: 0x2\r\n\r\n{}`],
    ["an encoding that ends in chunked", `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ["a space before the colon", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ["a bare line feed", `${head.replaceAll("\r\n", "\n")}Content-Length: 2\n\n{}`],
    ["a folded header", `${head}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`],
    ["a chunk length with 0x", `${head}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`],
  ] as const) {
    test(what, async () => {
      const { port, requests } = await openDoor();
      const { status, head: answer } = await exchangeRaw(port, `${bytes}${marker}`);
      expect(status).toBe(400);
      expect(answer).toMatch("connection: close");
      expect(requests).toEqual([]);
      expect(await statusOf(port, post(closing))).toBe(200);
    });
  }
});

describe("limits", () => {
  test("A71 headers that are too many or too long are 431; the limit itself is taken", async () => {
    const { port, requests } = await openDoor();
    const headers = (count: number): string => Array.from({ length: count }, (_, index) => `X-${index}: 1\r\n`).join("");
    expect(await statusOf(port, post(`${closing}${headers(96)}`))).toBe(200); // with Host, Content-Type, Content-Length and Connection: 100
    expect(await statusOf(port, post(`${closing}${headers(97)}`))).toBe(431);
    expect(await statusOf(port, post(`${closing}${headers(3000)}`))).toBe(431);
    expect(await statusOf(port, post(`X-Long: ${"x".repeat(17 * 1024)}\r\n`))).toBe(431);
    expect(await statusOf(port, post("", `/?${"x".repeat(17 * 1024)}`))).toBe(431);
    expect(requests).toHaveLength(1);
    const small = await openDoor({ maxHeaders: 4, maxHeaderBytes: 300 });
    expect(await statusOf(small.port, post(closing))).toBe(200);
    expect(await statusOf(small.port, post(`${closing}X: 1\r\n`))).toBe(431);
    expect(await statusOf(small.port, post(`X: ${"x".repeat(300)}\r\n`))).toBe(431);
  });

  test("F24 A66 headers or a body that drip in, and a connection that says nothing, end at their time", async () => {
    const { port, requests } = await openDoor({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const drip = async (first: string, piece: string): Promise<number> => {
      let timer: NodeJS.Timeout | undefined;
      const { status } = await exchangeRaw(port, first, (socket) => { timer = setInterval(() => socket.write(piece), 20); });
      clearInterval(timer);
      return status;
    };
    const silent = connect(port, "127.0.0.1").on("error", () => undefined);
    const ended = once(silent.resume(), "close");
    expect(await drip("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n", "X: y\r\n")).toBe(408);
    expect(await drip("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")).toBe(408);
    await ended;
    expect(requests).toEqual([]);
  });

  test("F25 connections beyond maxConnections are closed; a place that is free again is given", async () => {
    const { port } = await openDoor({ maxConnections: 1 });
    const first = connect(port, "127.0.0.1");
    await once(first, "connect");
    const second = connect(port, "127.0.0.1").on("error", () => undefined);
    await once(second.resume(), "close");
    first.destroy();
    await once(first, "close");
    let status = Number.NaN;
    while (status !== 200) status = await statusOf(port, post(closing)); // until the door has seen that the first has left
  });

  test("that make no sense are refused by name", () => {
    for (const [name, value] of [["port", 65_536], ["port", -1], ["headersTimeoutMs", 0], ["requestTimeoutMs", Number.NaN], ["maxHeaders", 0], ["maxHeaderBytes", 0.5], ["maxConnections", 0]] as const) {
      const { code, message } = thrownBy(() => new HttpDoor({ routes: {}, [name]: value }));
      expect([code, message.startsWith(`${name} must be`)]).toEqual(["bad_field", true]);
    }
    for (const path of ["", "x", "/a?b", "/a b", "/%41"]) expect(thrownBy(() => new HttpDoor({ routes: { [path]: async () => undefined } })).message).toMatch("is no plain path");
  });
});

describe("start and stop", () => {
  test("A93 a port that is taken is bad_address at once", async () => {
    const { port } = await openDoor();
    const second = new HttpDoor({ routes: {}, port });
    expect(thrownBy(() => second.url).code).toBe("unavailable");
    expect(await codeOf(second.start())).toBe("bad_address");
    await second.stop();
    expect(await codeOf(second.start())).toBe("stopping");
  });

  test("F38 a stop answers what is under way, refuses what comes meanwhile, and ends idle connections", async () => {
    const gate = createGate();
    let arrived = 0;
    const { door, port } = await openDoor({
      routes: {
        "/": async (_request, response) => {
          arrived += 1;
          await gate.opened;
          response.end("done");
        },
      },
    });
    const agent = new Agent({ keepAlive: true });
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    const idleEnded = once(idle.resume(), "close");
    const answered = once(get(door.url, { agent }), "response") as Promise<[IncomingMessage]>;
    await until(() => arrived === 1);
    const stopped = door.stop();
    await expect(once(connect(port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    gate.open();
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    agent.destroy();
    await idleEnded;
  });

  test("F39 after graceMs it cuts what is left and says how many: a stuck handler, not a half-sent body or an idle connection", async () => {
    let arrived = 0;
    const { door, port } = await openDoor({
      routes: {
        "/": createRequestHandler(() => undefined),
        "/stuck": () => {
          arrived += 1;
          return new Promise(() => undefined);
        },
      },
    });
    const stuck = statusOf(port, post("", "/stuck"));
    await until(() => arrived === 1);
    const startedAt = performance.now();
    expect(await door.stop({ graceMs: 100 })).toEqual({ cut: [], cutConnections: 1 });
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(await stuck).toBeNaN();
  });

  test("F41 what a handler throws is a 500 that doesn't say it, and is reported", async () => {
    const errors: unknown[] = [];
    const { port } = await openDoor({
      routes: {
        "/": () => Promise.reject(new Error("secret")),
        "/late": (_request, response) => {
          response.writeHead(200, { "content-length": 10 }).write("half");
          return Promise.reject(new Error("secret"));
        },
      },
      onError: (error) => { errors.push(error.cause); },
    });
    const { status, body: text } = await exchangeRaw(port, post());
    expect([status, text]).toEqual([500, "the handler failed\n"]);
    expect((await exchangeRaw(port, post("", "/late"))).body).toBe("half");
    expect(errors).toMatchObject([{ message: "secret" }, { message: "secret" }]);
  });
});
