import { Tracker } from "@acomm/tracker";
import { createRegistry, createResponseHandler } from "@acomm/transport";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { Fixture, TemporaryDirectory } from "@acomm/testing";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { runProcess } from "../run-process.ts";

const graceMs = 1000;
let directory: TemporaryDirectory;
let tracker: Tracker;
let service: Fixture;
let gateway: Fixture;
let serviceUrl: string;
let gatewayUrl: string;
let responseHook: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  const registry = createRegistry();
  tracker = new Tracker({ socketPath: directory.socket("client"), registry });
  await tracker.start();
  const takeResponse = createResponseHandler(tracker.handleResponse);
  const server = createServer((request, response) => void takeResponse(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  responseHook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  serviceUrl = `unix://${directory.socket("service")}`;
  service = runProcess("service", directory.socket("service"), `${directory.path}/notes`, "1000", String(graceMs));
  gateway = runProcess("gateway", directory.path, serviceUrl, new URL(responseHook).origin, "0", String(graceMs));
  await service.message();
  gatewayUrl = ((await gateway.message()) as { readonly url: string }).url;
  onTestFinished(async () => {
    await tracker.stop({ graceMs: 0 });
    await registry.close();
    server.close();
    server.closeAllConnections();
    await Promise.all([service, gateway].map((fixture) => fixture[Symbol.asyncDispose]()));
    await directory[Symbol.asyncDispose]();
  });
});

/** Waits until so many requests are under way at the service. */
async function underWay(count: number): Promise<void> {
  await expect.poll(async () => (await tracker.request<{ readonly inFlight: number }>(serviceUrl, { task: "status" })).inFlight, { timeout: 10_000 }).toBe(count);
}

/** Sends SIGTERM and gives how the process ended, and after what time. */
async function terminate(fixture: Fixture): Promise<{ readonly code: number | null; readonly tookMs: number }> {
  const startedAt = performance.now();
  fixture.child.kill("SIGTERM");
  const { code } = await fixture.output();
  return { code, tookMs: performance.now() - startedAt };
}

test("F38 SIGTERM with 100 requests under way: new ones are refused with stopping, all 100 are answered, half of them by HTTP, and both processes exit with 0", async () => {
  await tracker.request(gatewayUrl, { task: "echo", responseHook });
  const calls = Array.from({ length: 100 }, (_, index) => tracker.request<string>(index % 2 === 0 ? serviceUrl : gatewayUrl, { task: "slow", args: { ms: 800 }, timeoutMs: 10_000, responseHook: index % 2 === 0 ? undefined : responseHook }));
  await underWay(100);
  const exits = [service, gateway].map(terminate);
  await expect.poll(() => codeOf(tracker.request(serviceUrl, { task: "echo" }))).toBe("stopping");
  await expect.poll(() => codeOf(tracker.request(gatewayUrl, { task: "echo", responseHook, timeoutMs: 5000 }))).toMatch(/^(stopping|unavailable)$/);
  expect(await Promise.all(calls)).toEqual(Array(100).fill("at last"));
  expect((await Promise.all(exits)).map(({ code }) => code)).toEqual([0, 0]);
  expect((await readdir(directory.path)).toSorted()).toEqual(["client.sock"]);
});

test("F39 SIGTERM with a handler that is stuck, an idle connection and a half-sent message on each side: the exit comes with the grace, and no socket stays", async () => {
  const stuck = [
    codeOf(tracker.request(serviceUrl, { task: "stuck", timeoutMs: 20_000 })),
    codeOf(tracker.request(gatewayUrl, { task: "stuck", timeoutMs: 20_000, responseHook })),
  ];
  await underWay(2);
  const port = Number(new URL(gatewayUrl).port);
  const idle = [connect(directory.socket("service")), connect(port, "127.0.0.1")];
  const half = [connect(directory.socket("service")), connect(port, "127.0.0.1")];
  for (const socket of [...idle, ...half]) socket.on("error", () => undefined).resume(); // they are cut
  await Promise.all([...idle, ...half].map((socket) => once(socket, "connect")));
  half[0]?.write(Buffer.from("000000ff7b", "hex"));
  half[1]?.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  await tracker.request(gatewayUrl, { task: "echo", responseHook });
  const exits = await Promise.all([service, gateway].map(terminate));
  expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  for (const { tookMs } of exits) {
    expect(tookMs).toBeGreaterThan(0.9 * graceMs);
    expect(tookMs).toBeLessThan(graceMs + 2000);
  }
  expect(await readdir(directory.path)).toEqual(["client.sock"]);
  // the one who asked the service sees its end, the one who asked through the gateway is told by it
  expect(await Promise.all(stuck)).toEqual(["ambiguous", "stopping"]);
});
