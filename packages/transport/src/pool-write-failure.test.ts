import { parseUrl } from "@acomm/protocol";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acknowledgements, startRawPeer } from "./fixtures/raw.ts";
import type { Behaviour, RawPeer } from "./fixtures/raw.ts";
import type { Transport } from "./transport.ts";
import { createUnixTransport } from "./unix/transport.ts";

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

const peer = (behave: Behaviour): Promise<RawPeer> => startRawPeer(directory.socket("a"), behave);
const send = (text: string): Promise<string> => codeOf(transport.send(parseUrl(`unix://${directory.socket("a")}`), text, {}));
const times = (raw: RawPeer, text: string): number => raw.frames.filter((frame) => frame === text).length;

test("F6 an acknowledgement that lies unread when a write fails: the message is ambiguous and never sent again; what was in that write is", async () => {
  let late: Promise<string>[] = [];
  await using raw = await peer((text, connection, index) => {
    connection.say(acknowledgements.keepAlive);
    if (index > 0 || text !== "accepted") return;
    // the next write of our side comes before its next read
    connection.socket.destroy();
    late = [send("late"), send("x".repeat(100_000)), send("later")];
  });
  await send("first");
  expect(await send("accepted")).toBe("ambiguous");
  expect(await Promise.all(late)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
  expect(["accepted", "late", "later"].map((text) => times(raw, text))).toEqual([1, 1, 1]);
});

test("F3 where the end is read first, everything without an acknowledgement is sent again", async () => {
  const accepted: string[] = [];
  await using _raw = await peer((text, connection, index) => {
    if (index === 0 && text === "refused") connection.socket.destroy();
    if (connection.socket.destroyed) return;
    accepted.push(text);
    connection.say(acknowledgements.keepAlive);
  });
  await send("first");
  expect(await Promise.all([send("read"), send("refused"), send("behind")])).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
  expect(accepted.toSorted()).toEqual(["behind", "first", "read", "refused"]);
});

test("F5 a large message that the peer has not read to its end when it goes is sent again, what stands before it is not", async () => {
  await using raw = await peer((text, connection, index) => {
    connection.say(acknowledgements.keepAlive);
    if (index > 0 || text !== "before") return;
    connection.socket.pause();
    setImmediate(() => connection.socket.destroy());
  });
  await send("first");
  const before = send("before");
  const large = send("x".repeat(3_000_000));
  expect(await large).toBe("fulfilled");
  expect(["ambiguous", "fulfilled"]).toContain(await before);
  expect(times(raw, "before")).toBe(1);
});
