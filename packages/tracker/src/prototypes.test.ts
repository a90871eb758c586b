import { createRequest, createResponse, decodeRequest, decodeResponse, decodeUrl, parseUrl } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { admitTargets, createHttpTransport, createMemoryNetwork, createRegistry, createRequestHandler, createResponseHandler, createStreamProxyHandler, createUnixTransport, send, serve, serveUnixStream, StreamSigner, UnixListener } from "@acomm/transport";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

/** Texts that change prototypes where they are merged without care, each with the same in a place of its own. */
const hostile = [
  '{"__proto__":{"polluted":true,"reply":true,"keepAlive":true,"id":"evil","task":"evil","maxInFlight":1,"timeoutMs":1,"ttlMs":1,"graceMs":1,"registry":{},"admit":{},"group":0}}',
  '{"constructor":{"prototype":{"polluted":true,"reply":true}}}',
  '{"a":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}},"__proto__":null}',
  '[{"__proto__":[],"length":7,"toString":1,"valueOf":1,"hasOwnProperty":1,"toJSON":1,"then":1}]',
];

/** What stands in the prototypes that everything shares. */
const prototypes = (): string[] => [Object.prototype, Array.prototype, Function.prototype, Map.prototype, Promise.prototype, Error.prototype, URL.prototype]
  .flatMap((prototype) => Reflect.ownKeys(prototype).map((key) => `${prototype.constructor.name}.${String(key)}`));

let directory: TemporaryDirectory;
let before: string[];
beforeEach(async () => {
  directory = await temporaryDirectory();
  before = prototypes();
});
afterEach(async () => {
  expect(prototypes()).toEqual(before);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  await directory[Symbol.asyncDispose]();
});

describe("S19 prototypes stay as they are", () => {
  test("whatever arguments and results hold, which arrive intact", async () => {
    const listener = new UnixListener(directory.socket("service"));
    await listener.start();
    const seen: Request[] = [];
    const service = serve(listener, (request) => {
      seen.push(request);
      return request.args;
    });
    const tracker = new Tracker();
    await tracker.start();
    for (const json of hostile) {
      const args: unknown = JSON.parse(json);
      expect(JSON.stringify(await tracker.request(listener.url, { task: "t", args }))).toBe(json);
      expect(Object.keys(seen.at(-1)?.args as object)).toEqual(Object.keys(args as object));
      const { result } = await tracker.call(listener.url, { task: "t", args, responseHook: tracker.url });
      expect(JSON.stringify(result)).toBe(json);
    }
    await tracker.stop();
    await service.stop();
  });

  test("whatever a message, its extensions and its URLs hold beside what is known", () => {
    for (const json of hostile.filter((text) => text.startsWith("{"))) {
      const members = json.slice(1, -1);
      const request = decodeRequest(`{${members},"id":"a","task":"t","ext":${json},"args":${json},"stream_url":{"Scheme":"unix","Path":"/a",${members}}}`);
      expect([request.id, request.task, request.ext?.["reply"], request.streamUrl?.href]).toEqual(["a", "t", undefined, "unix:///a"]);
      expect(Object.getPrototypeOf(request)).toBe(Object.prototype);
      const response = decodeResponse(`{${members},"id":"a","error":"","ext":${json},"result":${json}}`);
      expect([response.id, response.ext?.["reply"], JSON.stringify(response.result)]).toEqual(["a", undefined, json]);
      expect(thrownBy(() => decodeRequest(json)).code).toBe("bad_field");
      expect(thrownBy(() => decodeUrl(JSON.parse(json), "url")).code).toBe("bad_field");
    }
  });

  test("whatever options hold that were read from a file", async () => {
    for (const json of hostile.filter((text) => text.startsWith("{"))) {
      const options = JSON.parse(json) as object;
      const listener = new UnixListener(directory.socket("service"));
      for (const make of [() => new UnixListener(directory.socket("service"), options), () => serve(listener, () => null, options), () => new Tracker(options)]) expect(thrownBy(make).code).toBe("bad_field");
      await listener.start();
      const service = serve(listener, () => null);
      const tracker = new Tracker();
      await tracker.start();
      const transports = [createUnixTransport(options), createHttpTransport(options), createMemoryNetwork(options).transport];
      await using registry = createRegistry(transports);
      const request = createRequest({ task: "t", id: "a", ...options });
      expect(request.id).toBe("a");
      createResponse(request, { ...options });
      await send(listener.url, request, { ...options, registry });
      expect(await tracker.request(listener.url, { task: "t", ...options })).toBeNull();
      for (const made of [new StreamSigner(options), admitTargets(options), createRequestHandler(() => undefined, options), createStreamProxyHandler({ authorize: () => false, ...options })]) expect(made).toBeDefined();
      const stream = await serveUnixStream(["x"], { directory: directory.path, ...options });
      stream.cancel();
      await tracker.stop(options);
      await service.stop(options);
    }
  });

  test("whatever schemes, ids and tasks are called", async () => {
    const network = createMemoryNetwork();
    await using registry = createRegistry([network.transport]);
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
    for (const name of names) {
      if (!name.startsWith("_")) expect(await codeOf((async () => send(`${name}://a/`, createRequest({ task: "t" }), { registry }))())).toBe("unknown_scheme");
      else expect(thrownBy(() => parseUrl(`${name}://a/`)).code).toBe("bad_field");
      const listener = network.createListener(name.toLowerCase().replaceAll("_", "-"));
      await listener.start();
      const service = serve(listener, (request) => `${request.id} ${request.task}`);
      const tracker = new Tracker({ registry });
      await tracker.start();
      const settled = Promise.withResolvers<unknown>();
      const request = createRequest({ id: name, task: name, responseHook: tracker.url, onSuccess: (_, response) => { settled.resolve(response.result); } });
      expect(await codeOf((async () => { tracker.handleResponse(createResponse({ id: name })); })())).toBe("unknown_id");
      tracker.trackRequest(request);
      tracker.handleResponse(createResponse(request, { result: await tracker.request(listener.url.href, { task: name }) }));
      expect(await settled.promise).toMatch(new RegExp(` ${name}$`));
      await tracker.stop();
      await service.stop();
    }
  });

  test("whatever the query and the headers of an HTTP exchange hold", async () => {
    const tracker = new Tracker();
    await tracker.start();
    const handlers = [createRequestHandler(() => undefined), createResponseHandler(tracker.handleResponse), createStreamProxyHandler({ authorize: () => false, signer: new StreamSigner() })];
    const server = createServer((request, response) => void handlers[Number(request.url?.[1] ?? 0)]?.(request, response)).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const query = "__proto__[polluted]=true&__proto__.polluted=true&constructor[prototype][polluted]=true&__proto__=x&constructor=x&addr[__proto__]=x&addr=unix:///run/a.sock&sig[__proto__]=x";
    const headers = "__proto__: polluted\r\nconstructor: polluted\r\nContent-Type: application/json\r\n";
    const statuses: string[] = [];
    for (const [line, body] of [[`POST /0?${query}`, '{"id":"a","task":"t","__proto__":{"polluted":true}}'], [`POST /1?${query}`, '{"id":"__proto__"}'], [`GET /2?${query}`, ""]] as const) {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      socket.end(`${line} HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      statuses.push((await text(socket)).split(" ")[1] ?? "");
    }
    expect(statuses).toEqual(["200", "200", "403"]);
    await tracker.stop();
  });
});
