import { AcommError, createRequest, encodeRequest, parseUrl } from "@acomm/protocol";
import { codeOf, NatsServer, thrownBy, whyNoNatsServer } from "@acomm/testing";
import { admitTargets, createRegistry, send, serve } from "@acomm/transport";
import type { RequestHandler, Service, TransportRegistry } from "@acomm/transport";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createNatsNetwork } from "./network.ts";
import type { NatsNetwork } from "./network.ts";

describe.skipIf(whyNoNatsServer !== undefined)("a durable listener", () => {
  let server: NatsServer;
  let network: NatsNetwork;
  let registry: TransportRegistry;
  let count = 0;
  beforeAll(async () => { server = await NatsServer.start("jetstream { store_dir: \"jetstream\" }"); });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(() => {
    count += 1;
    network = createNatsNetwork({ server: server.url });
    registry = createRegistry([network.transport]);
    onTestFinished(() => network.close());
  });

  async function startService(handler: RequestHandler, name = `tasks.${count}`): Promise<{ readonly service: Service; readonly url: URL }> {
    const listener = network.createListener(name, { durable: { ackWaitMs: 1000 } });
    await listener.start();
    const service = serve(listener, handler, { registry, admit: admitTargets({ schemes: ["nats"] }) });
    onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
    return { service, url: listener.url };
  }

  test("takes what was sent while nobody listened, once for each id; its URL says what it is", async () => {
    const first = await startService(() => null);
    expect(first.url.href).toBe(`${server.url}/tasks.${count}?durable`);
    await first.service.stop();
    for (const id of ["a", "b", "a"]) await send(first.url, createRequest({ task: "t", id }), { registry });
    const seen: string[] = [];
    await startService(({ id }) => { seen.push(id); });
    await expect.poll(() => seen).toEqual(["a", "b"]);
  });

  test("answers to a durable hook, which hands the response over when somebody is there", async () => {
    const answers = `answers.${count}`;
    const { url } = await startService(({ args }) => args);
    const hook = network.createListener(answers, { durable: true });
    await hook.start();
    await hook.stop();
    await send(url, createRequest({ task: "t", id: "a", args: 7, responseHook: hook.url }), { registry });
    const again = network.createListener(answers, { durable: true });
    await again.start();
    const connection = await again.nextConnection();
    expect(JSON.parse((await connection?.read()) ?? "")).toMatchObject({ id: "a", result: 7 });
    connection?.enqueueAccepted();
    again.doneConnection(connection!);
    await again.stop();
  });

  test("hands out again what was refused for want of room, and what a stop has cut", async () => {
    const seen: string[] = [];
    let isFull = true;
    const listener = network.createListener(`tasks.${count}`, { durable: { ackWaitMs: 1000 } });
    await listener.start();
    const service = serve(listener, ({ id }) => {
      seen.push(id);
      return new Promise(() => undefined);
    }, { registry, reserve: () => {
      if (!isFull) return undefined;
      isFull = false;
      throw new AcommError("overloaded", "there is no room just now");
    } });
    await send(listener.url, createRequest({ task: "t", id: "refused" }), { registry });
    await send(listener.url, createRequest({ task: "t", id: "cut" }), { registry });
    await expect.poll(() => seen.toSorted()).toEqual(["cut", "refused"]);
    await service.stop({ graceMs: 0 });
    seen.length = 0;
    await startService(({ id }) => { seen.push(id); });
    await expect.poll(() => new Set(seen), { timeout: 5000 }).toEqual(new Set(["cut", "refused"]));
  });

  test("is no place for a plain message, and a plain listener none for a durable one", async () => {
    const { url } = await startService(() => null);
    const plain = new URL(url);
    plain.search = "";
    expect(await codeOf(send(plain, createRequest({ task: "t" }), { registry }))).toBe("unavailable");
    expect(await codeOf(send(`${server.url}/nobody.ever?durable`, createRequest({ task: "t" }), { registry }))).toBe("unavailable");
    expect(await codeOf(send(`${server.url}/acomm.durable.tasks.${count}`, createRequest({ task: "t" }), { registry }))).toBe("bad_address");
    expect(await codeOf(network.transport.probe!(parseUrl(url)))).toBe("bad_address");
    expect(thrownBy(() => network.createListener(undefined, { durable: true })).code).toBe("bad_field");
    expect(await codeOf(network.transport.send(parseUrl(url), encodeRequest(createRequest({ task: "t", args: "x".repeat(2_000_000) })), {}))).toBe("frame_too_large");
  });

  test("survives the restart of the server: what is sent meanwhile is stored once when it is back", async () => {
    const seen: string[] = [];
    const { url } = await startService(({ id }) => { seen.push(id); });
    await send(url, createRequest({ task: "t", id: "before" }), { registry });
    await expect.poll(() => seen).toEqual(["before"]);
    await server.kill();
    const meanwhile = send(url, createRequest({ task: "t", id: "meanwhile" }), { registry });
    await server.restart();
    await meanwhile;
    await expect.poll(() => seen, { timeout: 10_000 }).toContain("meanwhile");
  });
});
