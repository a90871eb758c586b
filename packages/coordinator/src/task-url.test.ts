import { createRequest, createResponse } from "@acomm/protocol";
import type { Request , AcommError} from "@acomm/protocol";
import { codeOf, errorOf, insideHosts, startCanaries } from "@acomm/testing";
import { coordinatorSocketPath } from "@acomm/tracker";
import { admitTargets, createRequestHandler, openStream, send } from "@acomm/transport";
import { link, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { post, startHttp } from "./fixtures/exchange.ts";
import { createSystem } from "./fixtures/system.ts";
import type { System } from "./fixtures/system.ts";
import { until } from "./fixtures/until.ts";

let system: System;
let other: System;
beforeEach(async () => { [system, other] = [await createSystem(), await createSystem()]; });

const call = (task: string, more: object = {}): object => ({ id: "1", task, responsehook: null, stream_url: null, args: null, ...more });

describe("a request for another coordinator (taskURL)", () => {
  test("goes there over its socket, and its answer, progress and cancelling go through", async () => {
    const aborted = Promise.withResolvers<string>();
    await other.provide("far", ({ args, ext, taskUrl }, { progress, signal }) => {
      progress("here");
      signal.addEventListener("abort", () => { aborted.resolve((signal.reason as AcommError).code); });
      return args === "stay" ? new Promise(() => undefined) : { hops: ext?.["hops"], taskUrl };
    });
    const remote = await other.coordinate();
    const { url } = await system.coordinate({ admit: { taskUrls: [remote.url] } });
    const caller = await system.caller();
    const progress: unknown[] = [];
    expect(await caller.request(url, { task: "far", taskUrl: remote.url, onProgress: (value) => progress.push(value) })).toEqual({ hops: 2, taskUrl: null });
    expect(progress).toEqual(["here"]);
    expect(await errorOf(caller.request(url, { task: "fax", taskUrl: remote.url }))).toMatchObject({ code: "unknown_task", message: expect.stringContaining("did you mean far?") });
    const controller = new AbortController();
    const stay = codeOf(caller.request(url, { task: "far", args: "stay", taskUrl: remote.url, signal: controller.signal, onProgress: () => { controller.abort(); } }));
    expect([await stay, await aborted.promise]).toEqual(["cancelled", "cancelled"]);
  });

  test("goes there over HTTP, and its answer comes back at /proxy, progress and streams too", async () => {
    const maker = await other.caller();
    await other.provide("far", async ({ streamUrl }, { progress, attachStream }) => {
      progress("here");
      let text = "";
      for await (const chunk of await openStream(streamUrl!)) text += (chunk as Buffer).toString();
      attachStream(await maker.createUnixStream(Readable.from([`${text} back`])));
      return "read";
    });
    // each admits the other, whose port it must know before
    const open = Promise.withResolvers<string>();
    const remote = await other.coordinate({ http: {}, admit: { hooks: async (url) => url.origin === (await open.promise), streams: async (url) => url.origin === (await open.promise) } });
    const here = await system.coordinate({ http: {}, admit: { taskUrls: [remote.httpUrl!] } });
    open.resolve(here.httpUrl!.origin);
    const caller = await system.caller();
    const progress: unknown[] = [];
    const source = await caller.createUnixStream(Readable.from(["there and"]));
    const response = await caller.call(here.url, { task: "far", taskUrl: remote.httpUrl!, streamUrl: source, onProgress: (value) => progress.push(value) });
    expect([response.result, progress]).toEqual(["read", ["here"]]);
    expect(response.streamUrl?.origin).toBe(remote.httpUrl!.origin);
    let text = "";
    for await (const chunk of await openStream(response.streamUrl!)) text += (chunk as Buffer).toString();
    expect(text).toBe("there and back");
  });

  test("needs a door for the answer to a request that goes over HTTP", async () => {
    const { url } = await system.coordinate({ admit: { taskUrls: ["https://other.example"] } });
    expect(await errorOf((await system.caller()).request(url, { task: "t", taskUrl: "https://other.example/" }))).toMatchObject({ code: "forbidden_target", message: expect.stringContaining("give the coordinator http") });
  });

  test("is refused where no list admits it, and it says by which option", async () => {
    const remote = await other.coordinate();
    const { url } = await system.coordinate({ admit: { taskUrls: ["https://other.example", `unix://${other.socketDir}/coordinator/second.sock`] } });
    const caller = await system.caller();
    for (const taskUrl of [remote.url, "http://other.example/", "https://other.example.evil/", "ftp://other.example/", `unix://${other.path}/x.sock`]) {
      expect(await errorOf(caller.request(url, { task: "t", taskUrl }))).toMatchObject({ code: "forbidden_target", message: expect.stringContaining("admit.taskUrls") });
    }
  });

  test("never leads a coordinator to itself: by its path, a link, its own door or a second name; nor past it to a socket of its directory", async () => {
    await system.provide("t", () => 1);
    const { url, httpUrl } = await system.coordinate({ http: {}, admit: { taskUrls: () => true } });
    const own = coordinatorSocketPath(system.socketDir);
    await symlink(own, join(system.path, "link.sock"));
    await symlink(system.socketDir, join(system.path, "linked"));
    await link(own, join(system.path, "second.sock"));
    const caller = await system.caller();
    const port = httpUrl!.port;
    for (const taskUrl of [
      url, httpUrl!, `http://localhost:${port}/`, `http://127.1:${port}/`, `http://[::1]:${port}/`, `unix://${system.path}/link.sock`, `unix://${system.path}/linked/coordinator/main.sock`, `unix://${system.path}/second.sock`,
      `unix://${system.socketDir}/t/50-p.sock`, `unix://${system.socketDir}/response/main.sock`, `unix:${own.replace("/coordinator/", "//coordinator//")}`,
    ]) expect([String(taskUrl), await codeOf(caller.request(url, { task: "t", taskUrl, timeoutMs: 2000 }))]).toEqual([String(taskUrl), "forbidden_target"]);
  });

  test("that goes round between two ends at the hop limit", async () => {
    let passed = 0;
    const relay = (to: () => string) => async (request: Request): Promise<unknown> => {
      passed += 1;
      return (await (await system.caller()).forward(to(), request, { hops: Number(request.ext?.["hops"] ?? 0) + 1 })).error;
    };
    const { url } = await system.coordinate({ maxHops: 4 });
    await system.provide("round", relay(() => url.href));
    const caller = await system.caller();
    expect(await caller.request(url, { task: "round" })).toBe("");
    expect(passed).toBe(3);
  });
});

describe("S12 a response at /proxy", () => {
  /** A coordinator with a request on its way to a remote door that says nothing but "accepted". */
  async function onItsWay(): Promise<{ readonly proxy: string; readonly request: Request; readonly answer: Promise<unknown> }> {
    const arrived = Promise.withResolvers<Request>();
    const accept = createRequestHandler((request) => { arrived.resolve(request); });
    const remote = await startHttp((request, response) => void accept(request, response));
    const { url, httpUrl } = await system.coordinate({ http: {}, admit: { taskUrls: [remote] } });
    const caller = await system.caller();
    const answer = caller.request(url, { task: "far", taskUrl: remote, timeoutMs: 5000 });
    answer.catch(() => undefined);
    return { proxy: new URL("proxy", httpUrl).href, request: await arrived.promise, answer };
  }

  test("is taken once, under the id that the coordinator gave: spoofed, second and late ones are refused, F29 F30", async () => {
    const { proxy, request, answer } = await onItsWay();
    expect(request.responseHook?.href).toBe(proxy);
    expect(request.id).toMatch(/^[0-9a-f-]{36}$/);
    for (const id of [request.id.toUpperCase(), request.id.slice(1), `${request.id}0`, crypto.randomUUID()]) expect(await codeOf(send(proxy, createResponse({ id }, { result: "spoof" })))).toBe("unknown_id");
    await send(proxy, createResponse(request, { result: "genuine" }));
    expect(await answer).toBe("genuine");
    for (const spoof of [{ result: "late" }, { error: "late" }]) expect(await codeOf(send(proxy, createResponse(request, spoof)))).toBe("unknown_id");
  });

  test("F38 is taken while the coordinator drains", async () => {
    const arrived = Promise.withResolvers<Request>();
    const accept = createRequestHandler((request) => { arrived.resolve(request); });
    const remote = await startHttp((request, response) => void accept(request, response));
    const coordinator = await system.coordinate({ http: {}, admit: { taskUrls: [remote] } });
    const caller = await system.caller();
    const answer = caller.request(coordinator.url, { task: "far", taskUrl: remote, timeoutMs: 5000 });
    const request = await arrived.promise;
    const stopped = coordinator.stop();
    await send(request.responseHook!, createResponse(request, { result: "in time" }));
    expect(await answer).toBe("in time");
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  });
});

describe("S6 what only this machine can reach", () => {
  test("is reached by no URL of a request: hooks, streams, task URLs and /stream, from outside and inside", async () => {
    await system.provide("t", () => 1);
    const { url, httpUrl } = await system.coordinate({ http: {}, admit: { hooks: ["https://app.example"], streams: ["https://files.example"], taskUrls: ["https://other.example"] } });
    const caller = await system.caller();
    const canaryPath = join(system.path, "canary.sock");
    const canaries = await startCanaries(canaryPath);
    onTestFinished(() => canaries[Symbol.asyncDispose]());
    const targets = [...insideHosts.map((host) => `http://${host}:${canaries.port}/`), `unix://${canaryPath}`];
    for (const target of targets) {
      for (const key of ["responsehook", "responseHook", "stream_url", "streamURL", "taskURL"]) {
        const { error } = JSON.parse((await post(new URL("?wait=5s", httpUrl), { id: "1", task: "t", [key]: target })).body) as { error: string };
        expect([key, target, error.split(":")[0]]).toEqual([key, target, expect.stringMatching(/^(?:forbidden_target|bad_field)$/)]);
      }
      const { status } = await post(new URL(`stream?addr=${encodeURIComponent(target)}`, httpUrl), "");
      expect([403, 405]).toContain(status);
      for (const more of [{ streamUrl: target }, { taskUrl: target }, { responseHook: target }]) {
        if (target.startsWith("unix:") && !("taskUrl" in more)) continue; // its own provider would open it
        const code = await Promise.resolve().then(() => codeOf(caller.request(url, { task: "t", timeoutMs: 2000, ...more }))).catch((error: unknown) => (error as AcommError).code);
        expect([more, code]).toEqual([more, expect.stringMatching(/^(?:forbidden_target|bad_field)$/)]);
      }
    }
    expect(canaries.visits).toBe(0);
  });

  test("is reached where a policy of your own says so, and the canaries are there", async () => {
    await system.provide("t", () => 1);
    const canaries = await startCanaries(join(system.path, "canary.sock"));
    onTestFinished(() => canaries[Symbol.asyncDispose]());
    const { httpUrl, inFlightCount } = await system.coordinate({ http: {}, admit: { hooks: admitTargets({ origins: [`http://127.0.0.1:${canaries.port}`] }) } });
    expect((await post(httpUrl!, call("t", { responsehook: `http://127.0.0.1:${canaries.port}/` }))).body).toContain('"error":""');
    await until(() => canaries.visits === 1);
    expect(inFlightCount).toBe(0);
  });

  test("S10 from outside a unix hook and a unix stream are refused before anything runs, whatever the lists say", async () => {
    let runs = 0;
    await system.provide("t", () => { runs += 1; });
    await mkdir(join(system.path, "d"));
    const { httpUrl } = await system.coordinate({ http: {}, admit: { hooks: () => true, streams: () => true } });
    for (const key of ["responsehook", "stream_url"]) {
      const { body } = await post(new URL("?wait=5s", httpUrl), { id: "1", task: "t", [key]: `unix://${system.path}/d/x.sock` });
      expect(JSON.parse(body).error).toMatch(/^forbidden_target: /);
      expect(body).not.toContain(system.path);
    }
    expect([runs, createRequest({ task: "t" }).task]).toEqual([0, "t"]);
  });
});
