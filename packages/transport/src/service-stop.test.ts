import type { AcommError } from "@acomm/protocol";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { codeOf } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import { runFixture } from "./fixtures/run-fixture.ts";
import { requestText, startService } from "./fixtures/service.ts";
import { createGate, until } from "./fixtures/until.ts";
import { createRegistry } from "./registry.ts";
import { serve } from "./service.ts";
import { UnixListener } from "./unix/listener.ts";

const errorOf = (text: string | undefined): string => (JSON.parse(text ?? "null") as { error: string }).error;

describe("stop", () => {
  test("F38 refuses new requests with stopping, answers those under way, then ends the connection", async () => {
    const gate = createGate();
    await using service = await startService(async (request) => {
      await gate.opened;
      return request.id;
    });
    await using client = await service.connect();
    const ids = Array.from({ length: 100 }, (_, index) => `r${index}`);
    for (const id of ids) client.say(requestText(id));
    await until(() => client.frames.length === 100);
    const stopped = service.service.stop();
    client.say(requestText("late"));
    await until(() => client.frames.length === 101);
    expect(errorOf(client.frames[100])).toBe("stopping: the receiver is stopping: send it elsewhere");
    await expect(service.connect()).rejects.toThrow();
    gate.open();
    await client.ended;
    expect(client.frames.slice(101).map((text) => (JSON.parse(text) as { id: string }).id).toSorted()).toEqual(ids.toSorted());
    client.socket.end();
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    expect(await readdir(service.directory.path)).toEqual([]);
  });

  test("waits for the answers that go to hooks", async () => {
    const gate = createGate();
    await using service = await startService(() => gate.opened);
    await using hook = await startRawPeer(service.directory.socket("hook"), (_text, connection) => { connection.say(acknowledgements.once); });
    await using client = await service.connect();
    client.say(requestText("a", null, { hook: hook.url, reply: false }));
    await client.next();
    client.socket.end();
    await client.ended;
    const stopped = service.service.stop();
    gate.open();
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    expect(hook.frames).toHaveLength(1);
  });

  test("F39 after graceMs aborts what is left, cuts it, and says which it was", async () => {
    const reasons: string[] = [];
    await using service = await startService((request, { signal }) => {
      signal.addEventListener("abort", () => { reasons.push((signal.reason as AcommError).code); });
      return request.id === "quick" ? "done" : new Promise(() => undefined);
    });
    await using idle = await service.connect();
    await using half = await service.connect();
    half.write(Buffer.from("00000fff7b", "hex"));
    await using client = await service.connect();
    for (const id of ["quick", "stuck"]) client.say(requestText(id, null, { task: `task-${id}` }));
    await until(() => client.frames.length === 3);
    const startedAt = performance.now();
    const report = await service.service.stop({ graceMs: 100 });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(report).toEqual({ cut: [{ id: "stuck", task: "task-stuck", ageMs: expect.any(Number) as number }], cutConnections: 1 });
    expect(report.cut[0]?.ageMs).toBeGreaterThan(90);
    expect(reasons).toEqual(["stopping"]);
    await Promise.all([idle.ended, half.ended, client.ended]);
    expect(await readdir(service.directory.path)).toEqual([]);
    expect(service.service.inFlightCount).toBe(0);
  });

  test("with no grace cuts at once", async () => {
    await using service = await startService(() => new Promise(() => undefined));
    await using idle = await service.connect();
    await using client = await service.connect();
    client.say(requestText("a"));
    await client.next();
    expect(await service.service.stop({ graceMs: 0 })).toMatchObject({ cut: [{ id: "a" }], cutConnections: 1 });
    await Promise.all([idle.ended, client.ended]);
  });

  test("is idempotent, refuses a grace that no timer takes, and works by await using", async () => {
    await using service = await startService(() => null);
    for (const graceMs of [Number.NaN, -1, 2 ** 31]) expect(await codeOf(service.service.stop({ graceMs }))).toBe("bad_field");
    await using client = await service.connect();
    client.say(requestText("a"));
    await client.next();
    await client.next();
    client.socket.end();
    const reports = await Promise.all([service.service.stop(), service.service.stop({ graceMs: 0 })]);
    expect(reports).toEqual([{ cut: [], cutConnections: 0 }, { cut: [], cutConnections: 0 }]);
    await service.service[Symbol.asyncDispose]();
  });

  test("of a service with a listener that was stopped already", async () => {
    await using service = await startService(() => null);
    const listener = new UnixListener(service.directory.socket("other"));
    await listener.start();
    await listener.stop();
    await using other = serve(listener, () => null);
    expect(await other.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("leaves a registry that it was given open", async () => {
    await using registry = createRegistry();
    await using service = await startService(() => null, { registry });
    await service.service.stop();
    await using hook = await startRawPeer(service.directory.socket("hook"), (_text, connection) => { connection.say(acknowledgements.once); });
    const url = registry.parse(hook.url);
    expect((await registry.lookup(url).send(url, "text", {})).error).toBe("");
  });

  test("an answer that comes after the cut goes nowhere and hurts nobody", async () => {
    const gate = createGate();
    const errors: string[] = [];
    await using service = await startService(() => gate.opened, { onError: (error) => errors.push(error.code) });
    await using hook = await startRawPeer(service.directory.socket("hook"));
    await using client = await service.connect();
    client.say(requestText("a"));
    client.say(requestText("b", null, { hook: hook.url, reply: false }));
    await until(() => client.frames.length === 2);
    expect((await service.service.stop({ graceMs: 0 })).cut.map(({ id }) => id)).toEqual(["a", "b"]);
    gate.open();
    await until(() => errors.length === 1);
    expect(errors).toEqual(["undeliverable"]);
    expect(hook.frames).toEqual([]);
  });

  test("leaves no handle: the process ends by itself", async () => {
    await using service = await startService(() => null);
    await using child = runFixture("serve-and-stop", service.directory.socket("child"));
    expect(await child.output()).toEqual({ code: 0, text: "answered\nstopped\n" });
    expect(await readdir(service.directory.path)).toEqual(["service.sock"]);
  });
});

describe("callers of a service that stops and starts again", () => {
  test("none is lost, none runs twice, whatever the moment of the stop", async () => {
    await using outer = await startService(() => null);
    const path = outer.directory.socket("restarted");
    const runs = new Map<string, number>();
    const start = async (): Promise<ReturnType<typeof serve>> => {
      const listener = new UnixListener(path);
      await listener.start();
      return serve(listener, (request) => { runs.set(request.id, (runs.get(request.id) ?? 0) + 1); });
    };
    let service = await start();
    await using registry = createRegistry();
    const url = registry.parse(`unix://${path}`);
    const outcomes = new Map<string, string>();
    let isOver = false;
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let index = 0; !isOver; index += 1) {
        const id = `${caller}-${index}`;
        outcomes.set(id, await registry.lookup(url).send(url, requestText(id, null, { reply: false }), {}).then(({ error }) => error.split(":")[0] ?? "", (error: unknown) => (error as AcommError).code));
      }
    });
    for (let round = 0; round < 20; round += 1) {
      const before = runs.size;
      await until(() => runs.size > before + 50);
      await service.stop();
      service = await start();
    }
    isOver = true;
    await Promise.all(callers);
    await service.stop();
    // in between nobody listens, or it says that it is stopping; what was said to be accepted ran once, what was refused never
    expect([...new Set(outcomes.values())].filter((code) => !["", "unavailable", "stopping"].includes(code))).toEqual([]);
    for (const [id, code] of outcomes) expect([id, runs.get(id) ?? 0]).toEqual([id, code === "" ? 1 : 0]);
    expect(Math.max(...runs.values())).toBe(1);
  }, 60_000);
});
