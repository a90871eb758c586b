import { createRequest, decodeRequest, encodeFrame } from "@acomm/protocol";
import type { AcommError } from "@acomm/protocol";
import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../connection.ts";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { connectRaw } from "../fixtures/raw.ts";
import type { TemporaryDirectory } from "@acomm/testing";
import { errorChannelName } from "../diagnostics.ts";
import { send } from "../send.ts";
import { openStream } from "../stream.ts";
import { UnixListener } from "./listener.ts";
import type { UnixListenerOptions } from "./listener.ts";
import { serveUnixStream } from "./stream.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

async function startListener(options: UnixListenerOptions = {}): Promise<UnixListener> {
  const listener = new UnixListener(directory.socket("a"), options);
  await listener.start();
  return listener;
}

const connectHere = (): ReturnType<typeof connectRaw> => connectRaw(directory.socket("a"));

describe("the path", () => {
  test("address and URL name it, whatever is in it", () => {
    expect(new UnixListener("/run/a.sock").address).toBe("/run/a.sock");
    expect(new UnixListener("/run/a.sock").url.href).toBe("unix:///run/a.sock");
    for (const path of ["/run/a b?c#d%41.sock", "/run/ä/€.sock", "/run/%2e%2e/a.sock", "/run/[a]:b.sock"]) {
      expect(decodeURIComponent(new UnixListener(path).url.pathname)).toBe(path);
    }
  });

  test("A55 has at most 107 bytes, also where the private directory beside it makes it longer", async () => {
    const deep = join(directory.path, "d".repeat(107 - directory.path.length - 1 - "/a.sock".length));
    await mkdir(deep, { mode: 0o700 });
    const path = join(deep, "a.sock");
    expect(path).toHaveLength(107);
    const listener = new UnixListener(path);
    await listener.start();
    await using client = await connectRaw(path);
    expect(client.socket.readyState).toBe("open");
    expect(await readdir(deep)).toEqual(["a.sock"]);
    await listener.stop({ graceMs: 0 });
    expect(await readdir(deep)).toEqual([]);
    const { code, message } = thrownBy(() => new UnixListener(`${path}x`));
    expect(code).toBe("bad_address");
    expect(message).toBe("the socket path has 108 bytes, the limit is 107: choose a shorter directory");
    expect(thrownBy(() => new UnixListener(`/${"€".repeat(36)}`)).message).toMatch("has 109 bytes");
  });

  test("S22 that is empty, relative, abstract or holds a NUL is an error that says so", () => {
    for (const [path, problem] of [["", "is empty"], ["a.sock", "is relative"], ["./a.sock", "is relative"], ["\0a", "abstract"], ["@a", "abstract"], ["/run/a\0b", "NUL"], ["/run/../a.sock", "holds . or .."]] as const) {
      const { code, message } = thrownBy(() => new UnixListener(path));
      expect([code, message.includes(problem)]).toEqual(["bad_address", true]);
    }
  });

  test.skipIf(process.platform !== "linux")("S22 that is abstract is not connected to either, however it is written", async () => {
    const name = `acomm-test-${randomUUID()}`;
    let visits = 0;
    const canary = createServer(() => { visits += 1; }).listen(`\0${name}`);
    onTestFinished(() => void canary.close());
    await once(canary, "listening");
    const spellings = [`unix:@${name}`, `unix:%00${name}`, `unix://@${name}`, `unix://%00${name}`, `unix:///%00${name}`, `unix:///\0${name}`, `unix:\0${name}`, `unix://\0${name}`];
    for (const url of spellings) {
      expect([url, await codeOf(send(url, createRequest({ task: "t" })))]).toEqual([url, "bad_field"]);
      expect([url, await codeOf(openStream(url))]).toEqual([url, "bad_field"]);
      const hook = JSON.stringify({ id: "a", task: "t", responsehook: url });
      expect([url, thrownBy(() => decodeRequest(hook)).code]).toEqual([url, "bad_field"]);
    }
    for (const path of [`\0${name}`, `@${name}`, `/\0${name}`]) {
      const hook = JSON.stringify({ id: "a", task: "t", responsehook: { Scheme: "unix", Path: path } });
      expect([path, thrownBy(() => decodeRequest(hook)).code]).toEqual([path, "bad_field"]);
    }
    for (const directory of ["@a", "\0a"]) expect(await codeOf(serveUnixStream(["x"], { directory }))).toBe("bad_address");
    expect(await codeOf(send(`unix:///@${name}`, createRequest({ task: "t" })))).toBe("unavailable"); // a file of that name, which is not there
    expect(visits).toBe(0);
  });

  test("limits that make no sense are refused by name", () => {
    expect(thrownBy(() => new UnixListener("/run/a.sock", { maxConnections: 0 })).message).toMatch("maxConnections must be a whole number of at least 1, but is 0");
    expect(thrownBy(() => new UnixListener("/run/a.sock", { acceptLimit: Number.NaN })).message).toMatch("acceptLimit");
  });
});

describe("start and stop", () => {
  test("start twice starts once, stop twice stops once, and nothing is left", async () => {
    const listener = new UnixListener(directory.socket("a"));
    await Promise.all([listener.start(), listener.start()]);
    await listener.start();
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
    const reports = await Promise.all([listener.stop(), listener.stop()]);
    expect(reports).toEqual([{ cut: [], cutConnections: 0 }, { cut: [], cutConnections: 0 }]);
    expect(await readdir(directory.path)).toEqual([]);
    expect(await listener.nextConnection()).toBeUndefined();
  });

  test("start after a stop is refused with stopping, whether it was started before or not", async () => {
    const listener = await startListener();
    await listener.stop();
    expect(await codeOf(listener.start())).toBe("stopping");
    const never = new UnixListener(directory.socket("b"));
    await never.stop();
    expect(await codeOf(never.start())).toBe("stopping");
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("stop during start: the start fails with stopping and leaves nothing", async () => {
    const listener = new UnixListener(directory.socket("a"));
    const started = codeOf(listener.start());
    await listener.stop();
    expect(await started).toBe("stopping");
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("stop after a start that failed", async () => {
    await using first = await startListener();
    const second = new UnixListener(directory.socket("a"));
    expect(await codeOf(second.start())).toBe("bad_address");
    await second.stop();
    expect(await readdir(directory.path)).toEqual(["a.sock"]);
    await first.stop({ graceMs: 0 });
  });

  test("a grace that no timer takes is refused, and the stop can be asked again", async () => {
    const listener = await startListener();
    for (const graceMs of [Number.NaN, -1, 2 ** 31]) expect(await codeOf(listener.stop({ graceMs }))).toBe("bad_field");
    await listener.stop();
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("await using stops it", async () => {
    {
      await using listener = await startListener();
      expect(await readdir(directory.path)).toEqual([listener.address.split("/").at(-1) ?? ""]);
    }
    expect(await readdir(directory.path)).toEqual([]);
  });
});

describe("a socket file that goes while somebody listens", () => {
  const reached = async (path: string): Promise<boolean> => {
    const client = await connectRaw(path).catch(() => undefined);
    await client?.[Symbol.asyncDispose]();
    return client !== undefined;
  };

  test("F13 is made anew, with its directory; connections of before live on, and a stop removes the new one", async () => {
    const listener = new UnixListener(join(directory.path, "deep", "a.sock"), { watchIntervalMs: 10 });
    await listener.start();
    await using client = await connectRaw(listener.address);
    const connection = await listener.nextConnection();
    await rm(join(directory.path, "deep"), { recursive: true });
    while (!(await reached(listener.address)));
    client.say("still here");
    expect(await connection?.read()).toBe("still here");
    await rm(listener.address);
    while (!(await reached(listener.address)));
    expect((await lstat(listener.address)).mode & 0o777).toBe(0o600);
    await listener.stop({ graceMs: 0 });
    expect(await readdir(join(directory.path, "deep"))).toEqual([]);
  });

  test("F12 and that somebody else has taken is left to him, and told", async () => {
    const told = new Promise((resolve) => {
      const tell = (message: unknown): void => {
        unsubscribe(errorChannelName, tell);
        resolve((message as { error: AcommError }).error);
      };
      subscribe(errorChannelName, tell);
    });
    const first = await startListener({ watchIntervalMs: 10 });
    await using second = new UnixListener(directory.socket("b"));
    await second.start();
    await rename(second.address, first.address);
    expect(await told).toMatchObject({ code: "bad_address", message: expect.stringContaining("somebody else has taken") as string });
    await first.stop({ graceMs: 0 });
    expect(await reached(first.address)).toBe(true);
    await second.stop({ graceMs: 0 });
  });
});

describe("connections", () => {
  test("come in their order from nextConnection, also where it waits first", async () => {
    await using listener = await startListener();
    const first = listener.nextConnection();
    await using client = await connectHere();
    client.say("one");
    expect(await (await first)?.read()).toBe("one");
    await using other = await connectHere();
    other.say("two");
    expect(await (await listener.nextConnection())?.read()).toBe("two");
    await listener.stop({ graceMs: 0 });
  });

  test("come from for await until the stop", async () => {
    const listener = await startListener();
    const texts: (string | undefined)[] = [];
    const loop = (async () => {
      for await (const connection of listener) {
        texts.push(await connection.read());
        listener.doneConnection(connection);
        if (texts.length === 2) void listener.stop();
      }
    })();
    for (const text of ["one", "two"]) {
      await using client = await connectHere();
      client.say(text);
      await client.ended;
    }
    await loop;
    expect(texts).toEqual(["one", "two"]);
  });

  test("the accept limit ends it: what was accepted is handed out, then undefined, and nobody listens", async () => {
    await using listener = await startListener({ acceptLimit: 2 });
    await using first = await connectHere();
    await using second = await connectHere();
    const taken = [await listener.nextConnection(), await listener.nextConnection(), await listener.nextConnection()];
    expect(taken.map((connection) => connection !== undefined)).toEqual([true, true, false]);
    await expect(connectHere()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect([first.socket.readyState, second.socket.readyState]).toEqual(["open", "open"]);
    for (const connection of taken) if (connection !== undefined) listener.doneConnection(connection);
    expect(await listener.stop()).toEqual({ cut: [], cutConnections: 0 });
  });

  test("over maxConnections are refused with an acknowledgement that says overloaded; a place that is free again is given", async () => {
    await using listener = await startListener({ maxConnections: 1 });
    await using first = await connectHere();
    const connection = await listener.nextConnection();
    await using second = await connectHere();
    const refusal = JSON.parse((await second.next()) ?? "") as { error: string };
    expect(refusal.error).toMatch(/^overloaded: the listener has its 1 connections/);
    expect(await second.next()).toBeUndefined();
    listener.doneConnection(connection!);
    await first.ended;
    await using third = await connectHere();
    third.say("now");
    expect(await (await listener.nextConnection())?.read()).toBe("now");
    await listener.stop({ graceMs: 0 });
  });

  test("refused ones that never leave are not waited for without bound", async () => {
    await using listener = await startListener({ maxConnections: 1 });
    await using _first = await connectHere();
    const others = await Promise.all(Array.from({ length: 4 }, connectHere));
    for (const other of others) expect(await other.next()).toMatch("overloaded");
    const { cutConnections } = await listener.stop({ graceMs: 0 });
    expect(cutConnections).toBe(0);
    for (const other of others) await other[Symbol.asyncDispose]();
  });
});

describe("a graceful stop", () => {
  test("waits for the connections that were handed out", async () => {
    const listener = await startListener();
    await using client = await connectHere();
    client.say("question");
    const connection = await listener.nextConnection();
    expect(await connection?.read()).toBe("question");
    let isOver = false;
    const stopped = listener.stop().then((report) => {
      isOver = true;
      return report;
    });
    await connection?.write("answer");
    expect(await client.next()).toBe("answer");
    expect(isOver).toBe(false);
    await expect(connectHere()).rejects.toThrow();
    listener.doneConnection(connection!);
    client.socket.end();
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
    listener.doneConnection(connection!); // a second time does nothing
  });

  test("refuses those that nobody has taken yet with stopping", async () => {
    const listener = await startListener();
    await using client = await connectHere();
    client.write(encodeFrame("early"));
    await using second = await connectHere();
    second.say("taken");
    await listener.nextConnection().then((connection) => { listener.doneConnection(connection!); });
    const stopped = listener.stop();
    expect(JSON.parse((await second.next()) ?? "")).toMatchObject({ error: "stopping: the receiver is stopping: send it elsewhere" });
    second.socket.end();
    client.socket.end();
    expect(await stopped).toEqual({ cut: [], cutConnections: 0 });
  });

  test("cuts after graceMs what is left and says how many", async () => {
    const listener = await startListener();
    const clients = await Promise.all([connectHere(), connectHere()]);
    const taken: (Connection | undefined)[] = [await listener.nextConnection(), await listener.nextConnection()];
    const read = codeOf(taken[0]!.read());
    expect(await listener.stop({ graceMs: 20 })).toEqual({ cut: [], cutConnections: 2 });
    expect(await read).toBe("stopping");
    for (const client of clients) {
      await client.ended;
      await client[Symbol.asyncDispose]();
    }
    expect(await readdir(directory.path)).toEqual([]);
  });
});
