import { createRequest, createResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { admitTargets, createRegistry, createRequestHandler, createResponseHandler, respond, send, serve, UnixListener } from "@acomm/transport";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { acknowledgements, answerText, startRawPeer } from "./fixtures/raw-peer.ts";
import { startHttp } from "./fixtures/start-http.ts";
import { Tracker } from "./tracker.ts";
import type { TrackerOptions } from "./tracker-options.ts";

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
});

async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const tracker = new Tracker(options);
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

describe("S12 a response that somebody else sends", () => {
  /** A tracker whose responses may come to its socket and over HTTP, and a peer whose requests wait for `answer`. */
  async function start(acknowledgement: string): Promise<{ tracker: Tracker; doors: (string | URL)[]; call: (task: string) => Promise<unknown>; next: () => Promise<Request>; answer: (request: Request) => void }> {
    const tracker = await startTracker();
    const accept = createResponseHandler(tracker.handleResponse);
    const web = await startHttp((request, response) => void accept(request, response));
    const arrived: Request[] = [];
    const says = new Map<Request, (text: string) => void>();
    const peer = await startRawPeer(directory.socket("peer"), (request, say) => {
      say(acknowledgement);
      says.set(request, say);
      arrived.push(request);
    });
    onTestFinished(() => peer[Symbol.asyncDispose]());
    return {
      tracker,
      doors: [tracker.url, web],
      call: (task) => tracker.request(peer.url, { task, timeoutMs: 10_000 }),
      async next() {
        await expect.poll(() => arrived.length).toBe(1);
        return arrived.shift()!;
      },
      answer(request) { says.get(request)?.(answerText(request.id, "genuine")); },
    };
  }

  test("with the right id is refused at the socket and over HTTP where the answer comes on the connection, and the genuine one is delivered", async () => {
    const { tracker, doors, call, next, answer } = await start(acknowledgements.reply);
    const first = call("first");
    answer(await next());
    expect(await first).toBe("genuine");
    const second = call("second");
    const request = await next();
    expect(request.responseHook).toBeNull();
    for (const door of doors) {
      for (const spoof of [{ result: "spoof" }, { error: "spoof" }]) expect(await codeOf(send(door, createResponse(request, spoof)))).toBe("unknown_id");
    }
    expect(tracker.refusedCount).toBe(4);
    answer(request);
    expect(await second).toBe("genuine");
  });

  test("with an id that is nearly right is refused at both where the answer comes to the hook, and the genuine one is delivered", async () => {
    const { tracker, doors, call, next } = await start(acknowledgements.keepAlive);
    const pending = call("t");
    const request = await next();
    expect(request.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const near = Array.from(request.id, (_, at) => `${request.id.slice(0, at)}${request.id[at] === "0" ? "1" : "0"}${request.id.slice(at + 1)}`);
    for (const id of [...near, request.id.toUpperCase(), request.id.slice(1), `${request.id} `]) {
      for (const door of doors) expect(await codeOf(send(door, createResponse({ id }, { result: "spoof" })))).toBe("unknown_id");
    }
    expect(tracker.pendingCount).toBe(1);
    await respond(request, createResponse(request, { result: "genuine" }));
    expect(await pending).toBe("genuine");
    for (const door of doors) expect(await codeOf(send(door, createResponse(request, { result: "replayed" })))).toBe("unknown_id");
  });
});

describe("S13 a thousand requests whose ids somebody else uses as well", () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `victim-${index}`);

  test("through a gateway: each duplicate is refused, each victim gets its own answer, the attacker gets none", async () => {
    const held: (() => void)[] = [];
    const listener = new UnixListener(directory.socket("service"));
    await listener.start();
    const service = serve<string>(listener, async ({ args }) => new Promise((resolve) => { held.push(() => { resolve(args); }); }));
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    const answers: Response[] = [];
    const stolen: Response[] = [];
    const [toVictim, toAttacker] = [createResponseHandler((response) => { answers.push(response); }), createResponseHandler((response) => { stolen.push(response); })];
    const [victim, attacker] = [await startHttp((request, response) => void toVictim(request, response)), await startHttp((request, response) => void toAttacker(request, response))];
    const gateway = await startTracker({ admit: admitTargets({ origins: [victim, attacker] }) });
    const take = createRequestHandler((request) => gateway.proxy(listener.url, request));
    const web = await startHttp((request, response) => void take(request, response));

    await Promise.all(ids.map((id) => gateway.proxy(listener.url, createRequest({ id, task: "t", args: `for ${id}`, responseHook: victim }))));
    const verdicts = await Promise.all(ids.map((id, index) => codeOf(index % 10 === 0
      ? send(web, createRequest({ id, task: "t", args: "stolen", responseHook: attacker }))
      : gateway.proxy(listener.url, createRequest({ id, task: "t", args: "stolen", responseHook: attacker })))));
    expect([...new Set(verdicts)]).toEqual(["duplicate_id"]);
    expect(held.length).toBe(1000);
    for (const release of held) release();
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(1000);
    expect(answers.map(({ id, result }) => [id, result]).toSorted()).toEqual(ids.map((id) => [id, `for ${id}`]).toSorted());
    expect([stolen, gateway.pendingCount]).toEqual([[], 0]);
  });

  test("at the same service, on a connection of its own: each side gets its own answers", async () => {
    const listener = new UnixListener(directory.socket("service"));
    await listener.start();
    const service = serve(listener, ({ args }) => args);
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    const [victim, attacker] = [await startTracker(), await startTracker()];
    await using registry = createRegistry();
    const outcomes = await Promise.all([victim, attacker].map((tracker, side) => Promise.all(ids.map(async (id) => {
      const settled = Promise.withResolvers<unknown>();
      const request = createRequest({ id, task: "t", args: `${side} ${id}`, responseHook: tracker.url, onSuccess: (_, response) => { settled.resolve(response.result); } });
      tracker.trackRequest(request);
      await send(listener.url, request, { registry });
      return settled.promise;
    }))));
    expect(outcomes).toEqual([0, 1].map((side) => ids.map((id) => `${side} ${id}`)));
  });
});
