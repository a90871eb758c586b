import { createHash, randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { until } from "./fixtures/until.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import type { FaultPlan, FaultProxy } from "./fault-proxy.ts";

let directory: TemporaryDirectory;
/** What came to the target, connection by connection. */
let targets: Socket[];

beforeEach(async () => {
  directory = await temporaryDirectory();
  targets = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => undefined);
    targets.push(socket);
  });
  server.listen(directory.socket("target"));
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of targets) socket.destroy();
    server.close();
    await directory[Symbol.asyncDispose]();
  });
});

const start = (plan?: FaultPlan): Promise<FaultProxy> => startFaultProxy(directory.socket("proxy"), { target: directory.socket("target"), plan });

async function connectTo(name: string): Promise<Socket> {
  const socket = connect({ path: directory.socket(name), allowHalfOpen: true });
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A client through the proxy, and the target's end of the same connection. */
async function pair(): Promise<{ readonly client: Socket; readonly target: Socket }> {
  const index = targets.length;
  const client = await connectTo("proxy");
  await until(() => targets.length > index);
  return { client, target: targets[index]! };
}

/** Everything that comes until the other side ends or breaks off; the socket stays open. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).resume();
  return new Promise((resolve) => {
    if (socket.readableEnded || socket.closed) resolve(Buffer.concat(chunks)); // an end without data comes before anybody reads
    for (const event of ["end", "close"]) socket.once(event, () => { resolve(Buffer.concat(chunks)); });
  });
}

/** Resolves when the other side has ended or broken off. */
const ended = async (socket: Socket): Promise<void> => {
  await readAll(socket);
};

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

test("without faults everything passes, both ways, with its end, and is counted", async () => {
  await using proxy = await start();
  const { client, target } = await pair();
  const [out, back] = [randomBytes(3_000_000), randomBytes(2_000_000)];
  client.end(out);
  expect(digest(await readAll(target))).toBe(digest(out));
  const [open] = proxy.connections;
  target.end(back);
  expect(digest(await readAll(client))).toBe(digest(back));
  await open?.closed;
  expect([open?.index, open?.bytesToTarget, open?.bytesToClient]).toEqual([0, out.length, back.length]);
  expect([proxy.bytesToTarget, proxy.bytesToClient, proxy.connectionCount, proxy.connections.length]).toEqual([out.length, back.length, 1, 0]);
});

describe("a cut", () => {
  for (const bytes of [0, 1, 6, 11]) {
    test(`after exactly ${bytes} bytes in either direction closes both sides`, async () => {
      await using proxy = await start({ toTarget: { cutAfterBytes: bytes } });
      const there = await pair();
      there.client.write("hello world");
      expect((await readAll(there.target)).toString()).toBe("hello world".slice(0, bytes));
      await ended(there.client);
      proxy.plan = { toClient: { cutAfterBytes: bytes, pieceBytes: 2 } };
      const back = await pair();
      back.target.write("hello world");
      expect((await readAll(back.client)).toString()).toBe("hello world".slice(0, bytes));
      await ended(back.target);
      expect([proxy.bytesToTarget, proxy.bytesToClient]).toEqual([bytes, bytes]);
    });
  }

  test("of the kind `end` leaves the other direction open", async () => {
    await using _ = await start({ toTarget: { cutAfterBytes: 5, cut: "end" } });
    const { client, target } = await pair();
    client.write("hello world");
    expect((await readAll(target)).toString()).toBe("hello");
    target.end("still here");
    expect((await readAll(client)).toString()).toBe("still here");
  });

  test("by hand closes what is open, and takes what comes then", async () => {
    await using proxy = await start();
    const { client } = await pair();
    proxy.cut();
    await ended(client);
    const next = await pair();
    next.client.end("again");
    expect((await readAll(next.target)).toString()).toBe("again");
    expect(proxy.connectionCount).toBe(2);
  });
});

test("pieces are written one by one, and a delay holds each of them back", async () => {
  await using _ = await start({ toTarget: { pieceBytes: 3, delayMs: 20 } });
  const { client, target } = await pair();
  const pieces: string[] = [];
  target.on("data", (chunk: Buffer) => pieces.push(chunk.toString()));
  const startedAt = performance.now();
  client.end("hello world");
  await ended(target);
  expect(pieces).toEqual(["hel", "lo ", "wor", "ld"]);
  expect(performance.now() - startedAt).toBeGreaterThan(4 * 20 - 4); // timers may be a little early
});

test("a rate lets so much pass in a second", async () => {
  await using _ = await start({ toClient: { bytesPerSecond: 100_000 } });
  const { client, target } = await pair();
  const startedAt = performance.now();
  target.end(Buffer.alloc(20_000, "x"));
  expect(await readAll(client)).toHaveLength(20_000);
  expect(performance.now() - startedAt).toBeGreaterThan(180);
});

test("a stall passes what comes before it, then takes nothing, and the connection stays open", async () => {
  await using proxy = await start({ toTarget: { stallAfterBytes: 4 } });
  const { client, target } = await pair();
  for (let written = 0; written < 64; written += 1) client.write(Buffer.alloc(64 * 1024, "x"));
  target.resume();
  await until(() => proxy.bytesToTarget === 4);
  target.write("the other way is free");
  expect(String((await once(client, "data"))[0])).toBe("the other way is free");
  expect(client.writableLength).toBeGreaterThan(1024 * 1024);
  expect(proxy.connections).toHaveLength(1);
});

describe("a plan", () => {
  test("may decide for each connection, by its number, and refuse one", async () => {
    await using proxy = await start((index) => (index === 1 ? { refuse: true } : { toTarget: { cutAfterBytes: index } }));
    const first = await pair();
    await ended(await connectTo("proxy"));
    const third = await pair();
    for (const { client } of [first, third]) client.write("abc");
    expect(await Promise.all([first, third].map(async ({ target }) => (await readAll(target)).toString()))).toEqual(["", "ab"]);
    expect([proxy.connectionCount, targets.length]).toEqual([3, 2]);
  });

  test("that throws, or gives what makes no sense, refuses the connection", async () => {
    await using proxy = await start(() => {
      throw new Error("no plan");
    });
    await ended(await connectTo("proxy"));
    proxy.plan = () => ({ toClient: { pieceBytes: 0 } });
    await ended(await connectTo("proxy"));
    expect(targets).toHaveLength(0);
  });

  test("that makes no sense from the start is refused by name", async () => {
    for (const faults of [{ pieceBytes: 0 }, { delayMs: Number.NaN }, { bytesPerSecond: -1 }, { stallAfterBytes: 0.5 }, { cutAfterBytes: -1 }]) {
      expect(await codeOf(start({ toTarget: faults }))).toBe("bad_field");
    }
  });
});

describe("who goes away", () => {
  test("takes the other side along", async () => {
    await using proxy = await start();
    const first = await pair();
    first.client.destroy();
    await ended(first.target); // a unix socket that is closed looks as one that is half closed
    first.target.end();
    const second = await pair();
    second.target.destroy();
    await ended(second.client);
    second.client.end();
    await until(() => proxy.connections.length === 0);
  });

  test("before it was reached closes the client's connection", async () => {
    await using _ = await startFaultProxy(directory.socket("other"), { target: directory.socket("nobody") });
    await ended(await connectTo("other"));
  });
});

test("a stop cuts what is open, also what waits for its delay, and takes the socket away", async () => {
  const proxy = await start({ toTarget: { delayMs: 60_000 } });
  const { client } = await pair();
  client.write("never");
  await Promise.all([proxy.stop(), proxy.stop(), ended(client)]);
  expect(proxy.connections).toEqual([]);
  expect(await readdir(directory.path)).toEqual(["target.sock"]);
  expect(await codeOf(startFaultProxy("relative.sock", { target: directory.socket("target") }))).toBe("bad_address");
});
