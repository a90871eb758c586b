import { acceptedText, AcommError, createRequest, encodeRequest, parseUrl } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { codeOf } from "@acomm/testing";
import type { MessageConnection, MessageWay } from "./message-connection.ts";
import { createMessageListener } from "./message-listener.ts";
import type { MessageListenerOptions } from "./message-listener.ts";
import { serve } from "./service.ts";
import type { Listener } from "./transport.ts";

/** A listener whose messages are pushed by hand, and what it says of them. */
interface World {
  readonly listener: Listener;
  readonly said: string[];
  readonly open: (options?: { readonly answers?: boolean }) => MessageConnection;
}

async function createWorld(options: MessageListenerOptions = {}): Promise<World> {
  const said: string[] = [];
  let add: ((way: MessageWay) => MessageConnection) | undefined;
  const listener = createMessageListener({ ...options, listen: async (open) => {
    add = open;
    return { url: parseUrl("test://here"), close: () => void said.push("closed") };
  } });
  await listener.start();
  const way: MessageWay = {
    accept: (route) => { said.push(`accept ${String(route)}`); },
    refuse: (text, route) => { said.push(`refuse ${String(route)}: ${(JSON.parse(text) as { error: string }).error.split(":")[0] ?? ""}`); },
    settled: (route, isDelivered) => { said.push(`settled ${String(route)} ${isDelivered}`); },
    ended: (unacknowledged, error) => { said.push(`ended [${unacknowledged.join(" ")}] ${error?.code ?? ""}`.trim()); },
  };
  const answer: MessageWay["answer"] = (text, route) => { said.push(`answer ${String(route)}: ${JSON.stringify((JSON.parse(text) as { result: unknown }).result)}`); };
  return { listener, said, open: ({ answers = true } = {}) => add!(answers ? { ...way, answer } : way) };
}

/** The service has had its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const requestText = (args: unknown, reply = true): string => encodeRequest(createRequest({ task: "t", args }), { reply });

describe("a listener for messages", () => {
  test("hands each to its service, and tells acknowledgement, answer and end by the route that came with it", async () => {
    const { listener, said, open } = await createWorld();
    const service = serve(listener, async ({ args }) => args);
    const connection = open();
    connection.push(requestText(1), "a");
    connection.push(requestText(2), "b");
    connection.push("[]", "c");
    await turn();
    expect(said).toEqual(["accept a", "accept b", "refuse c: bad_json", "answer a: 1", "settled a true", "answer b: 2", "settled b true"]);
    await service.stop();
    expect(said.slice(-2).sort()).toEqual(["closed", "ended []"]);
    connection.push(requestText(3), "late");
    expect(said.at(-1)).toBe("refuse late: stopping");
  });

  test("a way without answers leaves them to the response hook, also where the request would take one here", async () => {
    const { listener, said, open } = await createWorld();
    const service = serve(listener, () => 1);
    const connection = open({ answers: false });
    expect(connection.carriesAnswers).toBe(false);
    connection.push(requestText(1), "a");
    await turn();
    await service.stop();
    expect(said.slice(0, 2)).toEqual(["accept a", "settled a true"]);
  });

  test("whoever reads by himself gets them in order and acknowledges the oldest; what he leaves is named at the end", async () => {
    const { listener, said, open } = await createWorld();
    const connection = open();
    for (const route of ["a", "b", "c", "d"]) connection.push(route.repeat(3), route);
    const taken = await listener.nextConnection();
    expect([await taken?.read(), await taken?.read(), await taken?.read()]).toEqual(["aaa", "bbb", "ccc"]);
    taken?.enqueueAcknowledgement(acceptedText);
    taken?.enqueueAcknowledgement('{"error":"overloaded: no"}');
    taken?.destroy(new AcommError("timeout", "enough"));
    expect(said).toEqual(["accept a", "refuse b: overloaded", "ended [c d] timeout"]);
    expect(await codeOf(taken!.read().then(() => taken!.read()))).toBe("timeout");
    await listener.stop({ graceMs: 0 });
  });

  test("holds no more bytes than it may; what waits for nobody is refused at the stop", async () => {
    const { listener, said, open } = await createWorld({ maxBufferedBytes: 10 });
    const connection = open();
    connection.push("12345678", "a");
    connection.push("123", "b");
    expect(said).toEqual(["refuse b: overloaded"]);
    await listener.stop({ graceMs: 0 });
    expect(said.slice(1)).toEqual(["closed", "refuse a: stopping", "ended []"]);
    expect(await codeOf(listener.start())).toBe("stopping");
  });

  test("a sender that ends aborts the handlers that were to answer it", async () => {
    const { listener, open } = await createWorld();
    let aborted = 0;
    const service = serve(listener, (_request, { signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        aborted += 1;
        resolve(null);
      });
    }));
    const connection = open();
    connection.push(requestText(1), "a");
    await turn();
    expect(service.inFlightCount).toBe(1);
    connection.end();
    expect(aborted).toBe(1);
    await service.stop();
  });
});
