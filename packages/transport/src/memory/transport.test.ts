import type { AcommError } from "@acomm/protocol";
import { createRequest, encodeFrame, parseUrl } from "@acomm/protocol";
import type { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { codeOf, errorOf } from "@acomm/testing";
import { requestText } from "../fixtures/service.ts";
import { createGate, until } from "../fixtures/until.ts";
import { createRegistry } from "../registry.ts";
import type { TransportRegistry } from "../registry.ts";
import { send } from "../send.ts";
import { serve } from "../service.ts";
import { admitTargets } from "../target-policy.ts";
import type { StreamListener } from "../stream-listener.ts";
import type { OutgoingMessage } from "../transport.ts";
import { createStreamPair } from "./stream-pair.ts";
import { createMemoryNetwork } from "./transport.ts";
import type { MemoryNetworkOptions } from "./transport.ts";

interface World extends AsyncDisposable {
  readonly registry: TransportRegistry;
  readonly listener: StreamListener;
  listen(name: string): Promise<StreamListener>;
}

async function createWorld(options: MemoryNetworkOptions = {}): Promise<World> {
  const network = createMemoryNetwork(options);
  const registry = createRegistry([network.transport]);
  const listen = async (name: string): Promise<StreamListener> => {
    const listener = network.createListener(name);
    await listener.start();
    return listener;
  };
  const listener = await listen("service");
  return {
    registry,
    listener,
    listen,
    async [Symbol.asyncDispose]() {
      await listener.stop({ graceMs: 0 });
      await registry.close();
    },
  };
}

/** Asks over the network and gives the answer's text. */
function call(world: World, id: string, args: unknown = null): Promise<string> {
  const url = world.registry.parse(world.listener.url);
  return new Promise((resolve, reject) => {
    const message: OutgoingMessage = {
      id,
      takesReply: true,
      isSettled: false,
      attempts: 0,
      carrier: undefined,
      encode: () => requestText(id, args),
      accepted: () => undefined,
      answered: resolve,
      failed: reject,
      strayAnswer: () => undefined,
    };
    world.registry.lookup(url).call?.(url, message);
  });
}

describe("a service within the process", () => {
  test("answers on the connection, many at once, in any size", async () => {
    await using world = await createWorld();
    const service = serve(world.listener, async (request) => request.args);
    const texts = ["short", "€".repeat(100_000), "x".repeat(1024 * 1024)];
    for (const text of texts) expect((JSON.parse(await call(world, "a", text)) as { result: string }).result === text).toBe(true);
    const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => call(world, `r${index}`, index)));
    expect(answers.map((text) => (JSON.parse(text) as { result: number }).result)).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(await service.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("answers to a memory hook where the policy admits the scheme", async () => {
    await using world = await createWorld();
    const hook = await world.listen("hook");
    const service = serve(world.listener, () => 7, { registry: world.registry, admit: admitTargets({ schemes: ["memory"] }) });
    await send(world.listener.url, createRequest({ task: "t", id: "a", responseHook: hook.url }), { registry: world.registry });
    const connection = await hook.nextConnection();
    expect(JSON.parse((await connection?.read()) ?? "")).toMatchObject({ id: "a", result: 7 });
    await connection?.write('{"error":"","id":""}');
    hook.doneConnection(connection!);
    await service.stop();
    await hook.stop();
  });

  test("aborts its handlers when the caller goes away, and settles its callers when it goes itself", async () => {
    await using world = await createWorld();
    const reasons: string[] = [];
    const service = serve(world.listener, (_request, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        reasons.push((signal.reason as AcommError).code);
        resolve(null);
      });
    }));
    const lost = codeOf(call(world, "a"));
    await until(() => service.inFlightCount === 1);
    await world.registry.close();
    expect(await lost).toBe("stopping");
    await until(() => service.inFlightCount === 0);
    expect(reasons).toEqual(["cancelled"]);
    await service.stop();
  });

  test("that is cut leaves its callers with ambiguous at once", async () => {
    await using world = await createWorld();
    const service = serve(world.listener, () => new Promise(() => undefined));
    const outcome = codeOf(call(world, "a"));
    await until(() => service.inFlightCount === 1);
    expect(await service.stop({ graceMs: 0 })).toMatchObject({ cut: [{ id: "a" }] });
    expect(await outcome).toBe("ambiguous");
  });

  test("that stops answers what it has accepted", async () => {
    await using world = await createWorld();
    const gate = createGate();
    const service = serve(world.listener, () => gate.opened.then(() => "late"));
    const answer = call(world, "a");
    await until(() => service.inFlightCount === 1);
    const stopped = service.stop();
    gate.open();
    expect(JSON.parse(await answer)).toMatchObject({ result: "late" });
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  });

  test("refuses bad frames as over a socket", async () => {
    await using world = await createWorld({ maxFrameBytes: 500 });
    const service = serve(world.listener, () => "x".repeat(600));
    const url = world.registry.parse(world.listener.url);
    const transport = world.registry.lookup(url);
    expect((await errorOf(transport.send(url, "null", {}))).code).toBe("bad_json");
    expect((await errorOf(transport.send(url, "x".repeat(501), {}))).code).toBe("frame_too_large");
    expect((JSON.parse(await call(world, "a")) as { error: string }).error).toMatch("frame_too_large");
    await service.stop();
  });
});

describe("a network", () => {
  test("does not see another", async () => {
    await using one = await createWorld();
    await using other = await createWorld();
    const listener = await one.listen("only-here");
    expect(await other.registry.lookup(parseUrl("memory://only-here")).probe?.(parseUrl("memory://only-here"))).toBe(false);
    expect(await one.registry.lookup(parseUrl("memory://only-here")).probe?.(parseUrl("memory://only-here"))).toBe(true);
    expect(await codeOf(send("memory://only-here", createRequest({ task: "t" }), { registry: other.registry }))).toBe("unavailable");
    await listener.stop({ graceMs: 0 });
    expect(await codeOf(send("memory://only-here", createRequest({ task: "t" }), { registry: one.registry }))).toBe("unavailable");
  });

  test("has one listener for a name, until that stops", async () => {
    await using world = await createWorld();
    expect(await codeOf(world.listen("service"))).toBe("bad_address");
    await world.listener.start();
    await world.listener.stop();
    expect(await codeOf(world.listener.start())).toBe("stopping");
    await using again = await world.listen("service");
    expect(again.url.href).toBe("memory://service");
    for (const graceMs of [Number.NaN, -1]) expect(await codeOf(again.stop({ graceMs }))).toBe("bad_field");
    expect(await Promise.all([again.stop(), again.stop()])).toEqual([{ cut: [], cutConnections: 0 }, { cut: [], cutConnections: 0 }]);
  });
});

describe("the two sides of a stream", () => {
  test("see one another's end, also where one is destroyed", async () => {
    const [here, there] = createStreamPair();
    const ended = new Promise((resolve) => there.once("end", resolve));
    there.resume();
    here.destroy();
    await ended;
    const failure = new Promise((resolve) => there.once("error", (error: NodeJS.ErrnoException) => { resolve(error.code); }));
    there.write("x");
    expect(await failure).toBe("EPIPE");
  });

  test("that goes with bytes unread resets the other", async () => {
    const [here, there] = createStreamPair();
    const failure = new Promise((resolve) => here.once("error", (error: NodeJS.ErrnoException) => { resolve(error.code); }));
    await new Promise((resolve) => here.write(encodeFrame("unread"), resolve));
    there.destroy();
    expect(await failure).toBe("ECONNRESET");
  });

  test("what a reader has taken that left as it took it was taken, and so was the nothing after it", async () => {
    const [here, there] = createStreamPair();
    there.once("data", () => { there.destroy(); });
    const outcomes = ["ack", ""].map((text) => new Promise((resolve) => here.write(text, (error) => { resolve(error ?? "taken"); })));
    expect(await Promise.all(outcomes)).toEqual(["taken", "taken"]);
  });

  test("hold a writer back, and fail its write when the reader goes", async () => {
    const [here, there] = createStreamPair();
    const outcome = new Promise((resolve) => here.write(Buffer.alloc(1024 * 1024), resolve));
    here.on("error", () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(here.writableLength).toBe(1024 * 1024);
    there.destroy();
    expect(await outcome).toBeInstanceOf(Error);
    const [one, other] = createStreamPair();
    const late = new Promise((resolve) => one.write("x", resolve));
    one.on("error", () => undefined);
    other.destroy();
    expect(await late).toMatchObject({ code: "EPIPE" });
  });

  test("stay half open", async () => {
    const [here, there] = createStreamPair();
    const read = (side: Duplex): Promise<string> => new Promise((resolve) => {
      let text = "";
      side.on("data", (part: Buffer) => { text += String(part); }).once("end", () => { resolve(text); });
    });
    here.end("question");
    expect(await read(there)).toBe("question");
    there.end("answer");
    expect(await read(here)).toBe("answer");
  });
});
