import { AcommError, createRequest, parseUrl } from "@acomm/protocol";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { thrownBy } from "@acomm/testing";
import { startService } from "./fixtures/service.ts";
import { createRegistry } from "./registry.ts";
import { send } from "./send.ts";
import { createStreamTransport } from "./stream-transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

test("A60 finds the transport by scheme, in either case; an unknown one is an error that names those that are known", async () => {
  await using registry = createRegistry();
  for (const url of ["unix:///run/a.sock", "http://a/", "https://a/"]) expect(registry.lookup(registry.parse(url)).schemes).toContain(url.split(":")[0]);
  const { code, message } = thrownBy(() => registry.lookup(registry.parse("nats://a/b")));
  expect([code, message]).toEqual(["unknown_scheme", "no transport for nats: the registry knows unix, http, https, and createRegistry([…]) takes others"]);
  expect(registry.lookup(registry.parse("UNIX:///run/a.sock")).schemes).toContain("unix");
  for (const url of ["ws://a/", "ftp://a/", "file:///etc/passwd"]) expect(thrownBy(() => registry.lookup(registry.parse(url))).code).toBe("unknown_scheme");
  for (const url of ["data:,x", "blob:http://a/x", "javascript:x"]) expect(thrownBy(() => registry.parse(url)).code).toBe("bad_field");
  expect(thrownBy(() => registry.parse("nonsense")).code).toBe("bad_field");
  await expect(send("ftp://a/", createRequest({ task: "t" }))).rejects.toMatchObject({ code: "unknown_scheme" });
});

test("a scheme that is taken is refused, and nothing of that transport is added", () => {
  const registry = createRegistry([createUnixTransport()]);
  const both = createStreamTransport({ schemes: ["pipe", "unix"], connect: () => Promise.reject(new Error("no")) });
  expect(thrownBy(() => { registry.register(both); }).message).toMatch("the scheme unix has a transport already");
  expect(thrownBy(() => registry.lookup(registry.parse("pipe://a"))).message).toMatch("the registry knows unix");
});

test("takes a transport of your own, made of anything that connects, and closes it", async () => {
  await using service = await startService((request) => request.args);
  const sockets: Socket[] = [];
  const registry = createRegistry([]);
  registry.register(createStreamTransport({
    schemes: ["bridge"],
    async connect(url) {
      const socket = connect({ path: service.path, allowHalfOpen: true });
      sockets.push(socket);
      await once(socket, "connect");
      if (url.host === "nowhere") throw new AcommError("unavailable", "no bridge there");
      return socket;
    },
  }));
  for (let index = 0; index < 3; index += 1) await send("bridge://there/x", createRequest({ task: "t" }), { registry });
  expect(sockets).toHaveLength(1);
  await expect(send("bridge://nowhere/x", createRequest({ task: "t" }), { registry })).rejects.toMatchObject({ code: "unavailable", message: "no bridge there" });
  const closed = once(sockets[0]!, "close");
  await registry.close();
  await closed;
  sockets[1]?.destroy();
  await expect(send("bridge://there/x", createRequest({ task: "t" }), { registry })).rejects.toMatchObject({ code: "stopping" });
  expect(parseUrl("bridge://there/x").host).toBe("there");
});

test("leaves a transport open that is only borrowed", async () => {
  await using service = await startService((request) => request.args);
  const borrowed = createUnixTransport();
  const registry = createRegistry([]);
  registry.register(borrowed, { isBorrowed: true });
  await registry.close();
  expect(await borrowed.probe?.(parseUrl(service.url))).toBe(true);
  await borrowed.close();
});
