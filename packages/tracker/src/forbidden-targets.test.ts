import { AcommError, createRequest } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { insideHosts, startCanaries, temporaryDirectory } from "@acomm/testing";
import type { Canaries, TemporaryDirectory } from "@acomm/testing";
import { admitTargets, createResponseHandler, openStream, serve, UnixListener } from "@acomm/transport";
import type { Service, TargetPolicy } from "@acomm/transport";
import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Tracker } from "./tracker.ts";

let directory: TemporaryDirectory;
let canaries: Canaries;
let service: Service;
let serviceUrl: URL;
beforeEach(async () => {
  directory = await temporaryDirectory();
  for (const name of ["outside", "admitted", "admitted-evil"]) await mkdir(join(directory.path, name));
  const listener = new UnixListener(join(directory.path, "admitted", "service.sock"));
  await listener.start();
  serviceUrl = listener.url;
  // what a service says of its stream is as little to be trusted as what a caller says
  service = serve<string>(listener, ({ args }, { attachStream }) => { attachStream(args); });
  canaries = await startCanaries(join(directory.path, "outside", "canary.sock"));
});
afterEach(async () => {
  await canaries[Symbol.asyncDispose]();
  await service.stop({ graceMs: 0 });
  await directory[Symbol.asyncDispose]();
});

/** The canaries' addresses in every spelling, and their socket seen from a directory that is admitted. */
async function targets(): Promise<string[]> {
  const at = (...path: string[]): string => join(directory.path, ...path);
  await symlink(at("outside", "canary.sock"), at("admitted", "link.sock"));
  await symlink("../outside", at("admitted", "link"));
  await symlink("../outside/canary.sock", at("admitted-evil", "canary.sock"));
  const sockets = [at("outside", "canary.sock"), at("admitted-evil", "canary.sock"), at("admitted", "link.sock"), at("admitted", "link", "canary.sock"), `${at("admitted")}/../outside/canary.sock`, `${at("admitted")}/%2e%2e/outside/canary.sock`, `${at("admitted")}/..%2foutside%2fcanary.sock`];
  return [...insideHosts.flatMap((host) => [`http://${host}:${canaries.port}/`, `https://${host}:${canaries.port}/`]), ...sockets.map((path) => `unix://${path}`)];
}

async function startTracker(admit?: TargetPolicy, onError?: (error: AcommError) => void): Promise<Tracker> {
  const tracker = new Tracker({ admit, onError, httpStreamUrl: "http://127.0.0.1:1/stream" });
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

async function outcomeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "opened";
  } catch (error) {
    return error instanceof AcommError ? error.code : String(error);
  }
}
const isRefusal = (code: string): boolean => ["forbidden_target", "bad_field"].includes(code);

const doors: readonly (readonly [name: string, knock: (tracker: Tracker, target: string) => Promise<unknown>])[] = [
  ["the response hook of a request in proxyUnix", (tracker, target) => tracker.proxyUnix(createRequest({ task: "t", responseHook: target }))],
  ["the stream of a request in proxyUnix", async (tracker, target) => {
    const { streamUrl } = await tracker.proxyUnix(createRequest({ task: "t", streamUrl: target }));
    await text(await openStream(streamUrl!)); // the tracker opens it when its reader comes
  }],
  ["the response hook of a request in proxy", (tracker, target) => tracker.proxy(serviceUrl, createRequest({ task: "t", args: "http://example.com/", responseHook: target }))],
  ["the stream of a request in proxy", (tracker, target) => tracker.proxy(serviceUrl, createRequest({ task: "t", args: "http://example.com/", streamUrl: target }))],
];

describe("S6 nothing is opened that the policy doesn't admit:", () => {
  test.each(doors)("%s", async (_name, knock) => {
    const lists = { socketDirectories: [join(directory.path, "admitted")], origins: ["https://example.com", `http://example.com:${canaries.port}`] };
    const [byDefault, byLists] = [await startTracker(), await startTracker(admitTargets(lists))];
    for (const target of await targets()) {
      if (!target.startsWith("unix:")) expect([target, isRefusal(await outcomeOf(() => knock(byDefault, target)))]).toEqual([target, true]);
      expect([target, isRefusal(await outcomeOf(() => knock(byLists, target)))]).toEqual([target, true]);
    }
    expect([canaries.visits, canaries.outgoing, byDefault.pendingCount, byLists.pendingCount]).toEqual([0, 0, 0, 0]);
  });

  test("what is admitted is opened: the canaries are there", async () => {
    const origins = [`http://127.0.0.1:${canaries.port}`];
    const [, [, readStream]] = doors as [unknown, (typeof doors)[number]];
    await readStream(await startTracker(admitTargets({ origins })), `http://127.1:${canaries.port}/`);
    expect(canaries.visits).toBe(1);
    const tracker = await startTracker(admitTargets({ origins }));
    await tracker.proxy(serviceUrl, createRequest({ task: "t", args: "http://example.com/", responseHook: `http://0x7f.1:${canaries.port}/` }));
    await expect.poll(() => canaries.visits).toBe(2);
  });

  test("the stream of a response that is forwarded: it is not opened, nor signed where it is a socket", async () => {
    let forwarded = Promise.withResolvers<Response>();
    const accept = createResponseHandler((response) => { forwarded.resolve(response); });
    const client = createServer((request, response) => void accept(request, response)).listen(0, "127.0.0.1");
    await once(client, "listening");
    onTestFinished(() => {
      client.closeAllConnections();
      client.close();
    });
    const origin = `http://127.0.0.1:${(client.address() as AddressInfo).port}`;
    const tracker = await startTracker(admitTargets({ origins: [origin], socketDirectories: [join(directory.path, "admitted")] }));
    for (const target of await targets()) {
      forwarded = Promise.withResolvers();
      await tracker.proxy(serviceUrl, createRequest({ task: "t", args: target, responseHook: `${origin}/` }));
      const { error, streamUrl } = await forwarded.promise;
      const isPassedOn = error === "" && streamUrl?.protocol !== "unix:" && streamUrl?.port === String(canaries.port);
      expect([target, isRefusal(error.split(":")[0] ?? "") || (!target.startsWith("unix:") && isPassedOn)]).toEqual([target, true]);
      expect(streamUrl?.searchParams.has("sig")).not.toBe(true);
    }
    expect(canaries.visits).toBe(0);
  });
});
