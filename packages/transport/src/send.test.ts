import { createRequest, createResponse, decodeUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import { startService } from "./fixtures/service.ts";
import { createRegistry } from "./registry.ts";
import { respond, send } from "./send.ts";

describe("send", () => {
  test("delivers a request to a service, and leaves no connection behind where it was given no registry", async () => {
    const seen: string[] = [];
    await using service = await startService((request) => { seen.push(request.id); });
    for (const id of ["a", "b"]) await send(service.url, createRequest({ task: "t", id }));
    expect(seen).toEqual(["a", "b"]);
    expect(await service.service.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("throws the receiver's refusal, and what is wrong with the message before it is sent", async () => {
    await using service = await startService(() => null);
    const request = createRequest({ task: "t" });
    expect(await codeOf(send(service.url, { ...request, id: "" }))).toBe("bad_field");
    expect(await codeOf(send("unix:relative", request))).toBe("bad_field");
    expect(await codeOf(send(service.url, { ...request, args: 1n }))).toBe("bad_field");
    expect(await codeOf(send(service.url, createResponse(request)))).toBe("bad_field"); // a response has no task
    expect(await codeOf(send(service.url, request, { timeoutMs: Number.NaN }))).toBe("bad_field");
    expect(await codeOf(send(service.url, request, { signal: AbortSignal.abort() }))).toBe("cancelled");
    expect(await codeOf(send(`${service.url}x`, request))).toBe("unavailable");
  });

  test("A45 A53 reaches one file by every spelling of its name, A54 and none by a name with a NUL", async () => {
    await using directory = await temporaryDirectory();
    await using peer = await startRawPeer(directory.socket("a b"), (_text, connection) => { connection.say(acknowledgements.once); });
    await using canary = await startRawPeer(`${directory.path}/a`);
    const object = (Path: string): AcommUrl | null => decodeUrl({ Scheme: "unix", Path }, "url");
    const spellings = [`${directory.path}/a%20b.sock`, `${directory.path}/a b.sock`, `${directory.path}/%61%20b%2Esock`, `${directory.path}%2Fa%20b.sock`].map((path) => `unix://${path}`);
    for (const url of [...spellings, object(`${directory.path}/a b.sock`)]) await send(url!, createRequest({ task: "t" }));
    expect(peer.frames).toHaveLength(5);
    expect(await codeOf(send(`unix://${directory.path}/a%00 b.sock`, createRequest({ task: "t" })))).toBe("bad_field");
    expect(thrownBy(() => object(`${directory.path}/a\0 b.sock`)).code).toBe("bad_field");
    expect(await codeOf(send(`unix://${directory.path}/a%252fb.sock`, createRequest({ task: "t" })))).toBe("unavailable");
    expect(canary.connections).toHaveLength(0);
  });

  test("ends within its timeout, everything together", async () => {
    await using directory = await temporaryDirectory();
    await using mute = await startRawPeer(directory.socket("mute"));
    expect(await codeOf(send(mute.url, createRequest({ task: "t" }), { timeoutMs: 20 }))).toBe("timeout");
  });
});

describe("respond", () => {
  test("sends the response to the request's hook", async () => {
    await using directory = await temporaryDirectory();
    await using hook = await startRawPeer(directory.socket("hook"), (_text, connection) => { connection.say(acknowledgements.keepAlive); });
    await using registry = createRegistry();
    const request = createRequest({ task: "t", id: "a", responseHook: hook.url });
    await respond(request, createResponse(request, { result: [1] }), { registry });
    await respond(request, createResponse(request, { error: new Error("no") }));
    expect(hook.frames).toEqual(['{"error":"","id":"a","result":[1],"stream_url":null}', '{"error":"no","id":"a","result":null,"stream_url":null}']);
  });

  test("is undeliverable without a hook, and refuses a response to another request", async () => {
    const request = createRequest({ task: "t", id: "a" });
    expect(await codeOf(respond(request, createResponse(request)))).toBe("undeliverable");
    const hooked = createRequest({ task: "t", id: "a", responseHook: "unix:///run/a.sock" });
    expect(await codeOf(respond(hooked, createResponse({ id: "b" })))).toBe("unknown_id");
  });
});
