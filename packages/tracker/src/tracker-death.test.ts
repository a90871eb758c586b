import { createServer, get } from "node:http";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createStreamProxyHandler, openStream } from "@acomm/transport";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import { runFixture } from "./fixtures/run-fixture.ts";
import type { Fixture, TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "./tracker.ts";

let directory: TemporaryDirectory;
let service: Fixture;
let tracker: Tracker;
let url: string;
let httpStreamUrl: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  httpStreamUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`;
  tracker = new Tracker({ httpStreamUrl });
  server.on("request", (request, response) => void createStreamProxyHandler({ signer: tracker.streamSigner })(request, response));
  await tracker.start();
  url = `unix://${directory.socket("service")}`;
  service = runFixture("service", directory.socket("service"));
  expect(await service.message()).toEqual({ ready: true });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await tracker.stop({ graceMs: 0 });
    await service[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });
});

/** Waits for the message that counts `name` up to `count`. */
async function counted(fixture: Fixture, name: string, count: number): Promise<void> {
  for (;;) {
    const message = (await fixture.message()) as Record<string, unknown>;
    if (message[name] === count) return;
  }
}

describe("F4 a service killed with kill -9", () => {
  test("while 100 calls are with it: each caller has its definite error at once, not at its timeout", async () => {
    const calls = Array.from({ length: 100 }, () => codeOf(tracker.request(url, { task: "wait", timeoutMs: 60_000 })));
    await counted(service, "waiting", 100);
    const killedAt = performance.now();
    await service.kill("SIGKILL");
    const codes = await Promise.all(calls);
    const tookMs = performance.now() - killedAt;
    expect(codes).toEqual(Array(100).fill("ambiguous"));
    expect(tracker.pendingCount).toBe(0);
    expect(tookMs).toBeLessThan(250); // their timeouts are 60 s
    expect(await codeOf(tracker.request(url, { task: "echo" }))).toBe("unavailable");
  });

  test("and started again on the same path: the next call works", async () => {
    await tracker.request(url, { task: "echo", args: 1 });
    await service.kill("SIGKILL");
    service = runFixture("service", directory.socket("service"));
    expect(await service.message()).toEqual({ ready: true });
    expect(await tracker.request(url, { task: "echo", args: 2 })).toBe(2);
  });
});

test("F8 a caller killed with kill -9: the signals of all its handlers abort", async () => {
  const caller = runFixture("caller", url, "100");
  onTestFinished(() => caller[Symbol.asyncDispose]());
  expect(await caller.message()).toEqual({ ready: true });
  await counted(service, "waiting", 100);
  await caller.kill("SIGKILL");
  await counted(service, "aborted", 100);
  expect(await tracker.request(url, { task: "echo", args: "alive" })).toBe("alive");
});

test("a caller killed before its first call was answered, which named its hook: the signal aborts as well", async () => {
  const caller = runFixture("first-call", url);
  onTestFinished(() => caller[Symbol.asyncDispose]());
  await counted(service, "waiting", 1);
  await caller.kill("SIGKILL");
  await counted(service, "aborted", 1);
});

describe("A82 the writer of a unix stream killed in mid-stream", () => {
  test("is truncated_stream at a unix reader", async () => {
    const { streamUrl } = await tracker.call(url, { task: "half-a-stream" });
    const reader = await openStream(streamUrl!);
    const outcome = codeOf(once(reader.resume(), "end"));
    await counted(service, "written", 1);
    await service.kill("SIGKILL");
    expect(await outcome).toBe("truncated_stream");
  });

  test("is a body that breaks off at an HTTP reader", async () => {
    const { streamUrl } = await tracker.call(url, { task: "half-a-stream" });
    const [response] = (await once(get(tracker.proxyStreamHttpUrl(streamUrl!)), "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    const failed = once(response.resume(), "end").catch((error: unknown) => error);
    await counted(service, "written", 1);
    await service.kill("SIGKILL");
    expect(await failed).toMatchObject({ code: "ECONNRESET" });
    expect(response.complete).toBe(false);
  });

  test("is truncated_stream where acomm reads it through HTTP", async () => {
    const { streamUrl } = await tracker.call(url, { task: "half-a-stream" });
    const reader = await openStream(tracker.proxyStreamHttpUrl(streamUrl!));
    const outcome = codeOf(once(reader.resume(), "end"));
    await counted(service, "written", 1);
    await service.kill("SIGKILL");
    expect(await outcome).toBe("truncated_stream");
  });
});

test("no timer is left once every request has its outcome, whichever it was", async () => {
  const { code, text } = await runFixture("timers-after-outcomes").output();
  expect(code).toBe(0);
  expect(JSON.parse(text)).toEqual({ answered: 0, "answered to the hook": 0, failed: 0, refused: 0, "cut off": 0, "timed out": 0, cancelled: 0 });
});
