import { parseUrl } from "@acomm/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { note } from "./fixtures/note.ts";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour, RawPeer } from "./fixtures/raw.ts";
import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { until } from "./fixtures/until.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";
import type { UnixTransportOptions } from "./unix/transport.ts";

let directory: TemporaryDirectory;
let transport: Transport;
beforeEach(async () => {
  directory = await temporaryDirectory();
  transport = createUnixTransport();
});
afterEach(async () => {
  await transport.close();
  await directory[Symbol.asyncDispose]();
});

const use = (options: UnixTransportOptions): void => { transport = createUnixTransport(options); };
const url = (): ReturnType<typeof parseUrl> => parseUrl(`unix://${directory.socket("a")}`);
const peer = (behave: Behaviour): Promise<RawPeer> => startRawPeer(directory.socket("a"), behave);

describe("answers on the connection", () => {
  const answer = (id: string): string => `{"error":"","id":"${id}","result":1,"stream_url":null,"ext":{"reply":true}}`;

  test("go to their messages in any order; one that nobody waits for is told to the last sender", async () => {
    await using raw = await peer((_text, connection) => { connection.say(acknowledgements.reply); });
    const lines: string[] = [];
    for (const id of ["a", "b"]) {
      transport.call?.(url(), note(id, lines));
      await until(() => lines.at(-1) === `${id} accepted, answered here`);
    }
    const connection = raw.connections[0]!;
    connection.say(answer("b"));
    connection.say(answer("unknown"));
    connection.say('{"id":"a","ext":{"reply":true},"result":2}');
    connection.say(answer("a"));
    await until(() => lines.length === 6);
    expect(lines.slice(2)).toEqual([`b answered ${answer("b")}`, "b stray", 'a answered {"id":"a","ext":{"reply":true},"result":2}', "b stray"]);
  });

  test("S13 a second message with an id that waits for its answer is refused with duplicate_id, the first lives on", async () => {
    await using raw = await peer((_text, connection) => { connection.say(acknowledgements.reply); });
    const [first, second]: [string[], string[]] = [[], []];
    transport.call?.(url(), note("a", first));
    await until(() => first.length === 1);
    transport.call?.(url(), note("a", second));
    expect(second).toEqual(["a duplicate_id"]);
    raw.connections[0]?.say(answer("a"));
    await until(() => first.length === 2);
    expect(first[1]).toBe(`a answered ${answer("a")}`);
  });

  test("that do not come because the peer has gone: accepted is ambiguous at once, unacknowledged is sent again", async () => {
    await using raw = await peer((text, connection, index) => {
      if (text === "c" && index === 0) connection.socket.end();
      else connection.say(acknowledgements.reply);
    });
    const lines: string[] = [];
    for (const id of ["a", "b"]) {
      transport.call?.(url(), note(id, lines));
      await until(() => lines.at(-1) === `${id} accepted, answered here`);
    }
    transport.call?.(url(), note("c", lines));
    await until(() => lines.length === 5);
    expect(lines.slice(2)).toEqual(["a ambiguous", "b ambiguous", "c accepted, answered here"]);
    expect(raw.connections[1]?.frames).toEqual(["c"]);
  });

  test("a retired connection that still waits for its answer holds nobody up when the kept one ends", async () => {
    await using raw = await peer((_text, connection) => { connection.say(acknowledgements.reply); });
    const lines: string[] = [];
    for (const id of ["a", "b"]) transport.call?.(url(), note(id, lines));
    await until(() => lines.length === 2);
    expect(raw.connections).toHaveLength(2);
    const kept = raw.connections.findIndex(({ frames }) => frames.includes("a"));
    raw.connections[kept]?.socket.end();
    await until(() => lines.includes("a ambiguous"));
    transport.call?.(url(), note("c", lines));
    await until(() => lines.includes("c accepted, answered here"));
    expect(raw.connections).toHaveLength(3);
  });

  test("given up by their caller leave the connection idle", async () => {
    use({ idleTimeoutMs: 20 });
    await using raw = await peer((_text, connection) => { connection.say(acknowledgements.reply); });
    const lines: string[] = [];
    const message = note("a", lines);
    transport.call?.(url(), message);
    await until(() => lines.length === 1);
    message.isSettled = true;
    message.carrier?.forget({ ...message });
    message.carrier?.forget(message);
    message.carrier?.forget(message);
    await raw.connections[0]?.ended;
  });
});
