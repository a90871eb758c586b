import { AcommError, createRequest, createResponse, encodeRequest, encodeResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { EventEmitter, once } from "node:events";
import { describe, expect, test } from "vitest";
import { exchangeRaw, startHttp } from "../fixtures/http.ts";
import type { TestServer } from "../fixtures/http.ts";
import { thrownBy } from "@acomm/testing";
import { createRequestHandler, createResponseHandler } from "./message-handler.ts";
import type { HttpHandlerOptions } from "./message-handler.ts";

const request = createRequest({ task: "sum", args: [1, 2], id: "a" });
const accepted = '{"error":"","id":"","result":null,"stream_url":null}';

interface Door extends TestServer {
  readonly requests: readonly Request[];
  post(body: string, headers?: Record<string, string>): Promise<globalThis.Response>;
}

async function openDoor(options: HttpHandlerOptions = {}, accept?: (request: Request) => void | Promise<void>): Promise<Door> {
  const requests: Request[] = [];
  const handler = createRequestHandler(accept ?? ((taken) => { requests.push(taken); }), options);
  const server = await startHttp((incoming, outgoing) => void handler(incoming, outgoing));
  return {
    ...server,
    requests,
    post: (body, headers = {}) => fetch(server.url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const errorOf = async (response: globalThis.Response): Promise<string> => ((await response.json()) as { error: string }).error;

describe("a message", () => {
  test("is taken and acknowledged with 200", async () => {
    await using door = await openDoor();
    const response = await door.post(encodeRequest(request));
    expect([response.status, await response.text()]).toEqual([200, accepted]);
    expect(Object.fromEntries(response.headers)).toMatchObject({ "content-type": "application/json", "x-content-type-options": "nosniff", "cache-control": "no-store" });
    expect(door.requests).toMatchObject([{ id: "a", task: "sum", args: [1, 2] }]);
    expect((await door.post(encodeRequest(request), { "content-type": "Application/JSON; charset=utf-8" })).status).toBe(200);
  });

  test("that is a response goes to the response handler, once it is accepted", async () => {
    const seen: Response[] = [];
    const handler = createResponseHandler(async (response) => {
      await Promise.resolve();
      seen.push(response);
    });
    await using server = await startHttp((incoming, outgoing) => void handler(incoming, outgoing));
    const response = await fetch(server.url, { method: "POST", body: encodeResponse(createResponse(request, { result: 3 })), headers: { "content-type": "application/json" } });
    expect([response.status, await response.text()]).toEqual([200, accepted]);
    expect(seen).toMatchObject([{ id: "a", result: 3 }]);
  });

  test("A7 A20 A22 A40 that is bad, or is refused, is status 200 with code and message", async () => {
    await using door = await openDoor({}, (taken) => {
      if (taken.task === "no") throw new AcommError("overloaded", "try later");
      if (taken.task === "broken") throw new Error("something else");
      return Promise.reject(new AcommError("unknown_task", "no such task"));
    });
    for (const [body, error] of [
      ["{", /^bad_json: /],
      ["null", /^bad_json: the message must be a JSON object, but is null/],
      ["{}", /^bad_field: id/],
      ['{"id":"","task":"t"}', /^bad_field: id/],
      [encodeRequest({ ...request, task: "no" }), /^overloaded: try later$/],
      [encodeRequest({ ...request, task: "broken" }), /^something else$/],
      [encodeRequest(request), /^unknown_task: no such task$/],
    ] as const) {
      const response = await door.post(body);
      expect(response.status).toBe(200);
      expect(await errorOf(response)).toMatch(error);
    }
  });
});

test("A28 A35 A40 A41 A44 A56 a message is held to the same rules as one on a socket, and the door stays open", async () => {
  await using door = await openDoor();
  const withId = (id: string): string => `{"id":${id},"task":"t"}`;
  for (const [body, error] of [
    ['{"task":"t"}', /^bad_field: id .* is missing/],
    ...['""', "1", "null", "{}", JSON.stringify("x".repeat(129)), JSON.stringify(`x${"é".repeat(64)}`), '"a\\nb"', '"a\\u0000"', '"\\u007f"', '"\\u0085"'].map((id) => [withId(id), /^bad_field: id must/] as const),
    ['{"id":"a"}', /^bad_field: task .* is missing/],
    ['{"id":"a","task":""}', /^bad_field: task .* is empty/],
    ['{"id":"a","task":5}', /^bad_field: task /],
    [`{"id":"a","task":"${"x".repeat(129)}"}`, /^bad_field: task must be at most 128 bytes/],
    ['{"id":"a","Task":"t"}', /^bad_field: "Task" differs/],
    ['{"id":"a","task":"t",}', /^bad_json: /],
    ['\ufeff{"id":"a","task":"t"}', /^bad_json: /],
    ['{"id":"a","task":"t"}\0', /^bad_json: /],
    ['{"id":"a","task":"t","responsehook":{"Scheme":1}}', /^bad_field: responsehook Scheme/],
    ['{"id":"a","task":"t","responsehook":"unix://host/x"}', /^bad_field: responsehook/],
    ['{"id":"a","task":"t","responsehook":"http://u:p@h/"}', /^bad_field: responsehook must not hold credentials/],
  ] as const) {
    const response = await door.post(body);
    expect([body, response.status]).toEqual([body, 200]);
    expect(await errorOf(response)).toMatch(error);
  }
  expect(door.requests).toEqual([]);
  expect(await (await door.post(encodeRequest(request))).text()).toBe(accepted);
});

describe("an exchange that is wrong", () => {
  test("A62 A74 another method is 405 and says what is allowed", async () => {
    await using door = await openDoor();
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(door.url, { method });
      expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "POST"]);
    }
    expect(door.requests).toEqual([]);
  });

  test("A63 A72 S15 another type or an encoding is 415", async () => {
    await using door = await openDoor();
    for (const headers of [{ "content-type": "text/plain" }, { "content-type": "application/x-www-form-urlencoded" }, { "content-encoding": "gzip" }]) {
      const response = await door.post(encodeRequest(request), headers);
      expect([response.status, (await errorOf(response)).split(":")[0]]).toEqual([415, "bad_frame"]);
    }
    expect((await exchangeRaw(door.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")).status).toBe(415);
  });

  test("A64 an empty body is 400", async () => {
    await using door = await openDoor();
    const response = await door.post("");
    expect([response.status, await errorOf(response)]).toEqual([400, "bad_frame: the body is empty: POST the JSON of a message"]);
  });

  test("A65 A67 a body over the limit is 413: by its header at once, else as soon as it is", async () => {
    await using door = await openDoor({ maxBodyBytes: 100 });
    expect((await door.post(" ".repeat(100))).status).toBe(200);
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for (const length of ["101", "9223372036854775807"]) {
      const { status, head: answer, body } = await exchangeRaw(door.port, `${head}Content-Length: ${length}\r\n\r\n`);
      expect([status, body.includes("frame_too_large"), answer.includes("connection: close")]).toEqual([413, true, true]);
    }
    const chunk = `65\r\n${"x".repeat(101)}\r\n`;
    const chunked = await exchangeRaw(door.port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    expect([chunked.status, chunked.body.includes("more than 100 bytes")]).toEqual([413, true]);
    expect(door.requests).toEqual([]);
  });

  test("A66 F24 a body that does not come in time is 408, also where it drips in", async () => {
    await using door = await openDoor({ bodyTimeoutMs: 60 });
    let drip: NodeJS.Timeout | undefined;
    const { status, body } = await exchangeRaw(door.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", (socket) => {
      drip = setInterval(() => socket.write("1\r\nx\r\n"), 5);
    });
    clearInterval(drip);
    expect([status, (JSON.parse(body) as { error: string }).error]).toEqual([408, "timeout: the body was not complete within 60 ms"]);
  });

  test("A31 of a depth beyond maxDepth is bad_json, as a request and as a response", async () => {
    await using door = await openDoor({ maxDepth: 3 });
    expect(await errorOf(await door.post('{"id":"a","task":"t","args":[[]]}'))).toBe("");
    expect(await errorOf(await door.post('{"id":"a","task":"t","args":[[[]]]}'))).toMatch(/^bad_json: the message nests deeper than 3 levels/);
    const handler = createResponseHandler(() => undefined, { maxDepth: 3 });
    await using server = await startHttp((incoming, outgoing) => void handler(incoming, outgoing));
    const answer = await fetch(server.url, { method: "POST", body: '{"id":"a","error":"","result":[[[]]]}', headers: { "content-type": "application/json" } });
    expect(await errorOf(answer)).toMatch(/^bad_json: the message nests deeper than 3 levels/);
  });

  test("a body that somebody has read before says so", async () => {
    const handler = createRequestHandler(() => undefined);
    await using server = await startHttp((incoming, outgoing) => {
      incoming.resume();
      incoming.once("end", () => void handler(incoming, outgoing));
    });
    const response = await fetch(server.url, { method: "POST", body: encodeRequest(request), headers: { "content-type": "application/json" } });
    expect([response.status, await errorOf(response)]).toEqual([500, "bad_frame: the body was read before this handler got it: mount the handler before any body parser"]);
  });

  test("a caller that leaves in the middle of its body, or before the answer, is let go", async () => {
    const entered = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    const outcomes: Promise<void>[] = [];
    const handler = createRequestHandler(() => {
      entered.resolve(undefined);
      return gate.promise;
    });
    const arrived = new EventEmitter();
    await using server = await startHttp((incoming, outgoing) => {
      outcomes.push(handler(incoming, outgoing));
      arrived.emit("request", incoming);
    });
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    const arriving = once(arrived, "request");
    const half = exchangeRaw(server.port, `${head}Content-Length: 1000\r\n\r\nxx`, (socket) => { void arriving.then(() => socket.destroy()); });
    await half;
    await outcomes[0];
    const text = encodeRequest(request);
    await exchangeRaw(server.port, `${head}Content-Length: ${text.length}\r\n\r\n${text}`, (socket) => { void entered.promise.then(() => socket.destroy()); });
    gate.resolve(undefined);
    await Promise.all(outcomes);
  });
});

test("limits that make no sense are refused by name", () => {
  expect(thrownBy(() => createRequestHandler(() => undefined, { maxBodyBytes: 0 })).message).toMatch("maxBodyBytes");
  expect(thrownBy(() => createResponseHandler(() => undefined, { bodyTimeoutMs: Number.NaN })).message).toMatch("bodyTimeoutMs");
});
