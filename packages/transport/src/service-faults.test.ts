import { AcommError } from "@acomm/protocol";
import { collectGarbage } from "@acomm/testing";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, onTestFinished, test } from "vitest";
import { errorChannelName } from "./diagnostics.ts";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import { requestText, startService } from "./fixtures/service.ts";
import { createGate, until } from "./fixtures/until.ts";

interface Answer {
  readonly id: string;
  readonly error: string;
  readonly result: unknown;
}
const decode = (text: string | undefined): Answer => JSON.parse(text ?? "null") as Answer;

describe("F22 a caller that ends its side of the connection after its request", () => {
  test("and named a hook gets its acknowledgement there, and its answer at the hook, whichever way it asked", async () => {
    for (const reply of [false, true]) {
      const gate = createGate();
      await using service = await startService(async () => {
        await gate.opened;
        return "still wanted";
      });
      await using hook = await startRawPeer(service.directory.socket("hook"), (_text, connection) => {
        connection.say(acknowledgements.once);
        connection.socket.end();
      });
      await using client = await service.connect();
      client.say(requestText("a", null, { hook: hook.url, reply }));
      client.socket.end();
      expect(await client.next()).toBe(reply ? acknowledgements.reply : acknowledgements.keepAlive);
      await client.ended;
      gate.open();
      await until(() => service.service.inFlightCount === 0);
      expect(hook.frames.map((text) => decode(text))).toMatchObject([{ id: "a", error: "", result: "still wanted" }]);
    }
  });

  test("and named none has left: its acknowledgement comes, its handler is told, and nothing is held", async () => {
    const reasons: string[] = [];
    await using service = await startService((_request, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        reasons.push((signal.reason as AcommError).code);
        resolve(null);
      });
    }));
    await using client = await service.connect();
    client.say(requestText("a"));
    client.socket.end();
    expect(await client.next()).toBe(acknowledgements.reply);
    await client.ended;
    await until(() => service.service.inFlightCount === 0);
    expect(reasons).toEqual(["cancelled"]);
    expect(client.frames).toHaveLength(1);
  });
});

test("F23 callers that never read their answers of 1 MiB are cut at frameTimeoutMs, and the memory comes back", async () => {
  const heldMebibytes = (): number => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers / 1024 ** 2;
  };
  const text = "x".repeat(1024 * 1024);
  await using service = await startService(() => text, {}, { frameTimeoutMs: 2500 });
  await using reader = await service.connect();
  const before = heldMebibytes();
  const callers = await Promise.all(Array.from({ length: 20 }, () => service.connect()));
  for (const caller of callers) {
    caller.socket.pause();
    caller.say(requestText("a"));
  }
  await expect.poll(() => heldMebibytes() - before, { interval: 100 }).toBeGreaterThan(8); // what the kernel has not taken waits
  // the one who reads is served meanwhile
  reader.say(requestText("b"));
  await reader.next();
  expect(decode(await reader.next()).result).toBe(text);
  await expect.poll(() => heldMebibytes() - before, { interval: 100, timeout: 15_000 }).toBeLessThan(5);
  expect(service.service.inFlightCount).toBe(0);
  await until(() => service.connections.slice(1).every(({ isClosed }) => isClosed)); // the last ones may still wait: who reads now is not cut
  expect(service.connections.map(({ isClosed }) => isClosed)).toEqual([false, ...callers.map(() => true)]);
  for (const { socket } of callers) socket.resume();
  await Promise.all(callers.map(({ ended }) => ended));
  expect(callers.every(({ frames }) => frames.length <= 1)).toBe(true); // the acknowledgement, and a part of the answer
});

describe("F41 what the application throws is contained", () => {
  test("in a handler, thrown or rejected, an AcommError or anything else: the caller gets it as the error, and the next request its answer", async () => {
    const throwers: Readonly<Record<string, () => unknown>> = {
      throws() {
        throw new Error("thrown");
      },
      rejects: () => Promise.reject(new Error("rejected")),
      coded() {
        throw new AcommError("overloaded", "come later");
      },
      nothing: () => ({ then(_resolve: unknown, reject: (reason: unknown) => void) { reject(undefined); } }),
      hostile() {
        throw Object.defineProperty(new Error(), "message", { get() { throw new Error("no message"); } });
      },
      "bad stream": () => undefined,
    };
    await using service = await startService(({ task }, { attachStream }) => {
      if (task === "bad stream") attachStream("no url");
      return throwers[task] === undefined ? "fine" : throwers[task]();
    });
    await using client = await service.connect();
    const errors: string[] = [];
    for (const task of Object.keys(throwers)) {
      client.say(requestText(task, null, { task }));
      await client.next();
      errors.push(decode(await client.next()).error);
    }
    expect(errors).toEqual(["thrown", "rejected", "overloaded: come later", expect.stringMatching(/./), expect.stringMatching(/./), expect.stringMatching(/^bad_field: /)]);
    client.say(requestText("after"));
    await client.next();
    expect(decode(await client.next()).result).toBe("fine");
    expect(service.service.inFlightCount).toBe(0);
  });

  test("in onError, thrown or rejected, and in admit: the service goes on", async () => {
    let told = 0;
    for (const onError of [() => { told += 1; throw new Error("thrown"); }, () => { told += 1; return Promise.reject(new Error("rejected")); }]) {
      await using service = await startService(() => 1, { onError, admit: () => { throw new Error("no policy"); } });
      await using client = await service.connect();
      for (const id of ["a", "b"]) {
        client.say(requestText(id, null, { hook: `unix://${service.directory.socket("hook")}`, reply: false }));
        await client.next();
      }
      await until(() => service.service.inFlightCount === 0);
      client.say(requestText("c"));
      await client.next();
      expect(decode(await client.next()).result).toBe(1);
    }
    expect(told).toBe(4);
  });

  test("in a listener to an abort, and in a subscriber of the diagnostics channel, goes where Node sends it; the service and the other subscribers go on", async () => {
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const uncaught: string[] = [];
    process.on("uncaughtException", ({ message }) => uncaught.push(message));
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const other of others) process.on("uncaughtException", other);
    });
    const published: unknown[] = [];
    const subscribers = [() => { throw new Error("subscriber"); }, (message: unknown) => published.push(message)];
    for (const subscriber of subscribers) subscribe(errorChannelName, subscriber);
    onTestFinished(() => { for (const subscriber of subscribers) unsubscribe(errorChannelName, subscriber); });
    const gate = createGate();
    await using service = await startService(async (_request, { signal }) => {
      signal.addEventListener("abort", () => { throw new Error("listener"); });
      await gate.opened;
      return 1;
    }, { hookTimeoutMs: 1 });
    const leaving = await service.connect();
    leaving.say(requestText("leaves"));
    await leaving.next();
    leaving.socket.destroy();
    await using client = await service.connect();
    client.say(requestText("unanswered", null, { hook: `unix://${service.directory.socket("hook")}`, reply: false }));
    await client.next();
    await until(() => uncaught.includes("listener"));
    gate.open();
    await until(() => service.service.inFlightCount === 0 && uncaught.length === 2);
    expect(uncaught.toSorted()).toEqual(["listener", "subscriber"]);
    expect(published).toHaveLength(1);
    client.say(requestText("after"));
    await client.next();
    expect(decode(await client.next()).result).toBe(1);
  });
});
