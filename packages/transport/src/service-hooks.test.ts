import type { AcommError } from "@acomm/protocol";
import type { Response } from "@acomm/protocol";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { errorChannelName } from "./diagnostics.ts";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour } from "./fixtures/raw.ts";
import { requestText, startService } from "./fixtures/service.ts";
import { createGate, until } from "./fixtures/until.ts";

const acceptOnce: Behaviour = (_text, connection) => {
  connection.say(acknowledgements.once);
  connection.socket.end();
};
const decode = (text: string | undefined): Response => JSON.parse(text ?? "null") as Response;

describe("a request that names a hook", () => {
  test("without reply is answered there, exactly once, and not on its connection", async () => {
    await using service = await startService((request) => request.args);
    await using hook = await startRawPeer(service.directory.socket("hook"), acceptOnce);
    await using client = await service.connect();
    client.say(requestText("a", [1], { hook: hook.url, reply: false }));
    expect(await client.next()).toBe(acknowledgements.keepAlive);
    await until(() => service.service.inFlightCount === 0);
    expect(hook.frames).toEqual(['{"error":"","id":"a","result":[1],"stream_url":null}']);
    expect(client.frames).toHaveLength(1);
  });

  test("with reply is answered on its connection, and not at the hook", async () => {
    await using service = await startService((request) => request.args);
    await using hook = await startRawPeer(service.directory.socket("hook"), acceptOnce);
    await using client = await service.connect();
    client.say(requestText("a", [1], { hook: hook.url }));
    expect(await client.next()).toBe(acknowledgements.reply);
    expect(decode(await client.next())).toMatchObject({ id: "a", result: [1] });
    expect(service.service.inFlightCount).toBe(0);
    expect(hook.connections).toHaveLength(0);
  });

  test("gets an error response where the result can't be written, or is too long", async () => {
    await using service = await startService((request) => (request.id === "big" ? 10n : "x".repeat(17 * 1024 * 1024)));
    await using hook = await startRawPeer(service.directory.socket("hook"), acceptOnce);
    await using client = await service.connect();
    for (const id of ["big", "long"]) {
      client.say(requestText(id, null, { hook: hook.url, reply: false }));
      await client.next();
      await until(() => service.service.inFlightCount === 0);
    }
    expect(hook.frames.map((text) => decode(text))).toMatchObject([
      { id: "big", error: "bad_field: result cannot be written as JSON: Do not know how to serialize a BigInt", result: null },
      { id: "long", error: expect.stringMatching(/^frame_too_large: /) as string, result: null },
    ]);
  });
});

describe("F35 a hook where nobody listens", () => {
  test("and that comes back after a while gets its answer, once", async () => {
    const errors: AcommError[] = [];
    await using service = await startService(() => 1, { onError: (error) => errors.push(error) });
    const path = service.directory.socket("hook");
    await using client = await service.connect();
    client.say(requestText("a", null, { hook: `unix://${path}`, reply: false }));
    await client.next();
    await new Promise((resolve) => setTimeout(resolve, 300)); // some attempts fail meanwhile
    expect(service.service.inFlightCount).toBe(1);
    await using hook = await startRawPeer(path, acceptOnce);
    await until(() => service.service.inFlightCount === 0);
    expect(hook.frames).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  test("and that never comes back is undeliverable, at onError and on the diagnostics channel", async () => {
    const errors: AcommError[] = [];
    const published: unknown[] = [];
    const listen = (message: unknown): void => { published.push(message); };
    subscribe(errorChannelName, listen);
    onTestFinished(() => void unsubscribe(errorChannelName, listen));
    await using service = await startService(() => 1, {
      hookTimeoutMs: 50,
      onError(error) {
        errors.push(error);
        throw new Error("ignored"); // F41
      },
    });
    await using client = await service.connect();
    client.say(requestText("a", "secret-marker", { task: "count", hook: `unix://${service.directory.socket("hook")}`, reply: false }));
    await client.next();
    await until(() => errors.length === 1);
    expect(errors[0]).toMatchObject({ code: "undeliverable", cause: { code: "unavailable" } });
    expect(errors[0]?.message).toMatch(/^the response to request "a" \(count\) was not delivered: /);
    expect(errors[0]?.message).not.toMatch("secret-marker");
    expect(published).toEqual([{ error: errors[0] }]);
    expect(service.service.inFlightCount).toBe(0);
  });

  test("and one that refuses the answer gets it once, one that breaks off three times", async () => {
    const errors: AcommError[] = [];
    await using service = await startService(() => 1, { onError: (error) => errors.push(error) });
    await using refusing = await startRawPeer(service.directory.socket("refusing"), (_text, connection) => { connection.say(JSON.stringify({ error: "unknown_id: not mine", id: "", result: null })); });
    await using silent = await startRawPeer(service.directory.socket("silent"), (_text, connection) => { connection.socket.end(); });
    await using client = await service.connect();
    for (const { url } of [refusing, silent]) {
      client.say(requestText("a", null, { hook: url, reply: false }));
      await client.next();
      await until(() => service.service.inFlightCount === 0);
    }
    expect(errors.map((error) => [error.code, (error.cause as AcommError).code])).toEqual([["undeliverable", "unknown_id"], ["undeliverable", "ambiguous"]]);
    expect([refusing.frames.length, silent.frames.length]).toEqual([1, 3]);
  });
});

describe("A75 a hook that answers anything but an acknowledgement", () => {
  const zeros = Buffer.alloc(64 * 1024);
  test.each<[string, Behaviour]>([
    ["no frame", (_text, peer) => { peer.write("HTTP/1.1 200 OK\r\n\r\n{}"); }],
    ["null", (_text, peer) => { peer.say("null"); }],
    ["a page", (_text, peer) => { peer.say("<html></html>"); }],
    ["an error that is no text", (_text, peer) => { peer.say('{"error":{},"id":""}'); }],
    ["bytes that are not UTF-8", (_text, peer) => { peer.write(Buffer.from("00000001ff", "hex")); }],
    ["a length of 4 GiB", (_text, peer) => { peer.write(Buffer.from("ffffffff", "hex")); }],
    ["bytes without end", (_text, { socket }) => {
      const more = (): void => { while (socket.writable && socket.write(zeros)); };
      socket.on("drain", more);
      more();
    }],
    ["F24 a drip that never ends", (_text, peer) => {
      peer.write(Buffer.from("00000fff", "hex"));
      const drip = setInterval(() => { peer.write(" "); }, 5);
      peer.socket.on("close", () => { clearInterval(drip); });
    }],
    ["nothing", () => undefined],
  ])("%s: the answer is undeliverable within its time, and the service goes on", async (_, behave) => {
    const errors: AcommError[] = [];
    await using service = await startService((request) => request.args, { hookTimeoutMs: 150, onError: (error) => errors.push(error) });
    await using hook = await startRawPeer(service.directory.socket("hook"), behave);
    await using client = await service.connect();
    const startedAt = performance.now();
    client.say(requestText("a", null, { hook: hook.url, reply: false }));
    expect(await client.next()).toBe(acknowledgements.keepAlive);
    await until(() => service.service.inFlightCount === 0);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(errors.map(({ code }) => code)).toEqual(["undeliverable"]);
    client.say(requestText("b", "well"));
    await client.next();
    expect(decode(await client.next())).toMatchObject({ id: "b", result: "well" });
  });
});

describe("a hook that the policy does not admit", () => {
  test("S6 is never opened: HTTP by default, whatever the spelling of loopback", async () => {
    const canary = createServer().listen(0, "127.0.0.1");
    await once(canary, "listening");
    onTestFinished(() => void canary.close());
    let visits = 0;
    canary.on("connection", () => { visits += 1; });
    const { port } = canary.address() as AddressInfo;
    const errors: AcommError[] = [];
    await using service = await startService(() => 1, { onError: (error) => errors.push(error) });
    await using client = await service.connect();
    const hosts = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]", "[::ffff:7f00:1]", "localhost", "localhost.", "0", "①②⑦.⓪.⓪.①"];
    for (const host of hosts) {
      client.say(requestText("a", null, { hook: `http://${host}:${port}/`, reply: false }));
      expect(await client.next()).toBe(acknowledgements.keepAlive);
    }
    await until(() => service.service.inFlightCount === 0);
    expect(errors.map(({ code }) => code)).toEqual(hosts.map(() => "forbidden_target"));
    expect(visits).toBe(0);
  });

  test("gets nothing where the policy says no, or throws", async () => {
    const errors: AcommError[] = [];
    await using service = await startService(() => 1, {
      onError: (error) => errors.push(error),
      admit(url) {
        if (url.pathname.endsWith("b.sock")) throw new Error("the policy is broken");
        return false;
      },
    });
    const hooks = await Promise.all(["a", "b"].map((name) => startRawPeer(service.directory.socket(name))));
    await using client = await service.connect();
    for (const hook of hooks) client.say(requestText("a", null, { hook: hook.url, reply: false }));
    await until(() => errors.length === 2);
    expect(errors.map(({ code }) => code)).toEqual(["forbidden_target", "forbidden_target"]);
    expect(hooks.map(({ connections }) => connections.length)).toEqual([0, 0]);
    for (const hook of hooks) await hook.stop();
  });
});

describe("a caller that goes away", () => {
  test("having named no hook aborts its handlers, and those of nobody else", async () => {
    const aborted: string[] = [];
    await using service = await startService((request, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        aborted.push(request.id);
        resolve((signal.reason as AcommError).message);
      });
    }));
    await using stays = await service.connect();
    stays.say(requestText("stays"));
    await stays.next();
    const goes = await service.connect();
    for (const id of ["a", "b"]) goes.say(requestText(id));
    await goes.next();
    await goes.next();
    goes.socket.destroy();
    await until(() => aborted.length === 2 && service.service.inFlightCount === 1);
    expect(aborted).toEqual(["a", "b"]);
  });

  test("before its handler looks at the signal: the signal is aborted then", async () => {
    const gate = createGate();
    const seen: unknown[] = [];
    await using service = await startService(async (_request, context) => {
      await gate.opened;
      seen.push(context.signal.aborted, (context.signal.reason as AcommError).code, context.signal === context.signal);
    });
    const client = await service.connect();
    client.say(requestText("a"));
    await client.next();
    client.socket.destroy();
    await client.closed;
    await using other = await service.connect();
    other.say("null");
    await other.next(); // the service has seen the end before this
    gate.open();
    await until(() => seen.length === 3);
    expect(seen).toEqual([true, "cancelled", true]);
  });

  test("having named a hook where nobody listens aborts as well", async () => {
    await using service = await startService((_request, { signal }) => new Promise((resolve) => { signal.addEventListener("abort", resolve); }), { hookTimeoutMs: 20 });
    const stale = service.directory.socket("stale");
    await writeFile(stale, "");
    for (const name of ["gone", "stale"]) {
      const client = await service.connect();
      client.say(requestText("a", null, { hook: `unix://${service.directory.socket(name)}` }));
      await client.next();
      client.socket.destroy();
      await until(() => service.service.inFlightCount === 0);
    }
  });

  test("having named a hook where somebody listens is answered there, and not aborted", async () => {
    const gate = createGate();
    let isAborted = false;
    await using service = await startService(async (_request, { signal }) => {
      signal.addEventListener("abort", () => { isAborted = true; });
      await gate.opened;
      return "late";
    });
    await using hook = await startRawPeer(service.directory.socket("hook"), acceptOnce);
    const client = await service.connect();
    client.say(requestText("a", null, { hook: hook.url }));
    await client.next();
    client.socket.destroy();
    await (await hook.connection(0)).ended; // it looked whether somebody listens
    expect(isAborted).toBe(false);
    gate.open();
    await until(() => service.service.inFlightCount === 0);
    expect(hook.frames.map((text) => decode(text))).toMatchObject([{ id: "a", result: "late" }]);
  });

  test("having named a hook that can't be looked at leaves it to the delivery", async () => {
    const errors: AcommError[] = [];
    const gate = createGate();
    await using service = await startService(() => gate.opened, { onError: (error) => errors.push(error) });
    const client = await service.connect();
    client.say(requestText("a", null, { hook: "http://127.0.0.1:9/" }));
    await client.next();
    client.socket.destroy();
    await client.closed;
    await using other = await service.connect();
    other.say("null");
    await other.next(); // the service has seen the end before this
    gate.open();
    await until(() => errors.length === 1);
    expect(errors[0]?.code).toBe("forbidden_target");
  });
});
