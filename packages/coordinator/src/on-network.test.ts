import { AcommError, createRequest } from "@acomm/protocol";
import { codeOf, errorOf } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { openStream, send, serve } from "@acomm/transport";
import type { HandlerContext, RequestHandler, ServeOptions, Service, ServiceNetwork } from "@acomm/transport";
import { openTestNetwork } from "@acomm/transport-testing";
import type { TestNetwork } from "@acomm/transport-testing";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Coordinator } from "./coordinator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { createSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";
import { until } from "./fixtures/until.ts";

let system: System;
let network: TestNetwork;
beforeEach(async () => {
  system = await createSystem();
  network = await openTestNetwork();
  const { [Symbol.asyncDispose]: end } = network;
  onTestFinished(() => end());
});

const open = (): ServiceNetwork | undefined => network.openServiceNetwork?.();

/** A provider that is on the network alone; where the tests run over unix sockets, one more in the directory. */
async function provideFar(task: string, name: string, handler: RequestHandler, { priority = 50, ...options }: ServeOptions & { readonly priority?: number } = {}): Promise<Service> {
  const services = open();
  if (services === undefined) return system.provide(task, handler, { ...options, provider: name, priority });
  const listener = services.createListener();
  await listener.start();
  const service = serve(listener, handler, { ...network.options, ...options });
  const announcement = await services.announce({ name, metadata: { host: `${name}-host` }, endpoints: [{ name: task, url: listener.url, metadata: { priority: String(priority) } }] });
  onTestFinished(async () => {
    await announcement.withdraw();
    await service.stop({ graceMs: 0 });
  });
  return service;
}

/** A coordinator of the directory and of the network, which knows of so many providers of the task. */
async function coordinate(task: string, count: number, options: Partial<CoordinatorOptions> = {}): Promise<Coordinator> {
  const coordinator = await system.coordinate({ network: open(), ...options });
  await until(() => coordinator.describe().tasks.find((one) => one.task === task)?.providers.filter(({ state }) => state === "ready").length === count);
  return coordinator;
}

describe("a coordinator of providers near and far", () => {
  test("calls all of them, and shows where they are", async () => {
    for (const name of ["near-1", "near-2"]) await system.provide("work", () => name, { provider: name });
    for (const name of ["far-1", "far-2"]) await provideFar("work", name, () => name);
    const coordinator = await coordinate("work", 4);
    const caller = await system.caller();
    const answers = await Promise.all(Array.from({ length: 400 }, () => caller.request<string>(coordinator.url, { task: "work" })));
    for (const name of ["near-1", "near-2", "far-1", "far-2"]) expect(answers.filter((answer) => answer === name).length).toBeGreaterThan(50);
    const hosts = coordinator.describe().tasks[0]?.providers.map(({ provider, host }) => [provider, host]);
    const far = (name: string): string | null => (network.openServiceNetwork === undefined ? null : `${name}-host`);
    expect(hosts).toEqual([["far-1", far("far-1")], ["far-2", far("far-2")], ["near-1", null], ["near-2", null]]);
  });

  test("asks the lowest priority first, wherever it is, and the next where that one refuses", async () => {
    await system.provide("work", () => "near", { provider: "near", priority: 20 });
    let isBusy = false;
    await provideFar("work", "far", () => "far", { priority: 10, reserve: () => { if (isBusy) throw new AcommError("overloaded", "no room"); return undefined; } });
    const coordinator = await coordinate("work", 2);
    const caller = await system.caller();
    expect(await caller.request(coordinator.url, { task: "work" })).toBe("far");
    isBusy = true;
    expect(await caller.request(coordinator.url, { task: "work" })).toBe("near");
  });

  test("hears of one that comes and of one that stops", async () => {
    const coordinator = await system.coordinate({ network: open() });
    const caller = await system.caller();
    expect(await codeOf(caller.request(coordinator.url, { task: "work" }))).toBe("unknown_task");
    const first = await provideFar("work", "first", () => "first");
    await until(() => coordinator.describe().tasks[0]?.providers[0]?.state === "ready");
    expect(await caller.request(coordinator.url, { task: "work" })).toBe("first");
    await provideFar("work", "second", () => "second", { priority: 60 });
    await until(() => coordinator.describe().tasks[0]?.providers.length === 2);
    await first.stop();
    expect(await caller.request(coordinator.url, { task: "work" })).toBe("second");
  });

  test("answers a caller's own hook for one that can't reach it", async () => {
    await provideFar("work", "far", ({ args }) => args);
    const coordinator = await coordinate("work", 1);
    await using caller = new Tracker();
    await caller.start();
    // a call that takes no answer on its connection, as of a peer that knows nothing of it
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const request = createRequest({ task: "work", args: [1, "two"], responseHook: caller.url, onSuccess: (_, { result }) => { resolve(result); } });
    caller.trackRequest(request);
    await send(coordinator.url, request);
    expect(await promise).toEqual([1, "two"]);
  });

  test("takes streams to them and back", async () => {
    await provideFar("double", "far", async ({ streamUrl }, { attachStream }: HandlerContext) => {
      const services = open();
      const said = await text(await openStream(streamUrl ?? "", network.options));
      if (services === undefined) return said;
      attachStream((await services.serveStream([said, said])).url);
      return said;
    });
    const coordinator = await coordinate("double", 1);
    const caller = await system.caller();
    const { result, streamUrl } = await caller.call(coordinator.url, { task: "double", streamUrl: await caller.createUnixStream(["over ", "there"]) });
    expect(result).toBe("over there");
    if (network.openServiceNetwork === undefined) return;
    expect(streamUrl?.protocol).toBe("unix:");
    expect(await text(await openStream(streamUrl ?? ""))).toBe("over thereover there");
  });

  test("tells who gave a socket of its own machine for a stream, instead of losing it", async () => {
    let handled = 0;
    await provideFar("leak", "far", (_, { attachStream }: HandlerContext) => {
      handled += 1;
      attachStream("unix:///run/far/a.sock");
      return "with a stream";
    });
    const coordinator = await coordinate("leak", 1);
    const caller = await system.caller();
    const call = caller.call(coordinator.url, { task: "leak" });
    if (network.openServiceNetwork === undefined) expect((await call).streamUrl?.pathname).toBe("/run/far/a.sock");
    else await expect(call).rejects.toMatchObject({ code: "undeliverable", message: expect.stringContaining("a unix socket of another machine") as unknown });
    expect(handled).toBe(1);
  });

  test("is their door to HTTP", async () => {
    await provideFar("work", "far", ({ args }) => args);
    const coordinator = await coordinate("work", 1, { http: {} });
    const answer = await fetch(`${coordinator.httpUrl?.href ?? ""}?wait=5s`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id: "1", task: "work", args: { n: 1 } }) });
    expect(await answer.json()).toMatchObject({ result: { n: 1 } });
  });

  test("lets them know when the caller gives up, and when its time is over", async () => {
    const aborted: string[] = [];
    await provideFar("wait", "far", (_, { signal }) => new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        aborted.push((signal.reason as AcommError).code);
        reject(signal.reason as AcommError);
      });
    }));
    const coordinator = await coordinate("wait", 1);
    const caller = await system.caller();
    const controller = new AbortController();
    const call = codeOf(caller.request(coordinator.url, { task: "wait", timeoutMs: 60_000, signal: controller.signal }));
    await until(() => coordinator.inFlightCount === 1);
    controller.abort();
    expect(await call).toBe("cancelled");
    await until(() => aborted.length === 1);
    expect(await errorOf(caller.request(coordinator.url, { task: "wait", timeoutMs: 100 }))).toMatchObject({ code: "timeout" });
    await until(() => aborted.length === 2);
    await until(() => coordinator.inFlightCount === 0); // each of the two knows by itself when the time is over
  });
});
