import { decodeAcknowledgement, decodeErrorText, encodeFrame, FrameDecoder } from "@acomm/protocol";
import { temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { Tracker } from "@acomm/tracker";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { holdingsOf } from "./probe.ts";
import type { Holdings } from "./probe.ts";
import { startTarget } from "./target.ts";
import type { Target } from "./target.ts";

const mebibyte = 1024 * 1024;
const roles = ["service", "responses"] as const;
type Role = (typeof roles)[number];

let directory: TemporaryDirectory;
let target: Target;
let goodClient: Tracker;
let before: Holdings;
let heldBefore: number;

beforeAll(async () => {
  directory = await temporaryDirectory();
  target = await startTarget(directory.path);
  goodClient = new Tracker({ socketPath: directory.socket("good") });
  await goodClient.start();
  await echoes();
  await target.read();
  // memory that is used for the first time stays with the process
  for (const role of roles) await wordTo(role, encodeFrame(request(`"${"x".repeat(8 * mebibyte)}",${manyKeys}`)));
  ({ heldBytes: heldBefore } = await target.read());
  before = await holdingsOf(target.pid);
});
afterAll(async () => {
  await goodClient.stop();
  expect(await target.stop()).toBe(0);
  await target[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

beforeEach(() => target.read());

// after every case: the same process, at rest, as good as before
afterEach(async () => {
  const startedAt = performance.now();
  await echoes();
  expect(performance.now() - startedAt).toBeLessThan(2000);
  const reading = await target.read();
  expect(reading).toMatchObject({ unhandled: [], warnings: [], open: 0, inFlight: 0, echoes: true });
  const until = performance.now() + 5000;
  let after = await holdingsOf(target.pid);
  while (after.descriptors > before.descriptors && performance.now() < until) {
    await wait(20); // no event of ours tells when another process has closed something
    after = await holdingsOf(target.pid);
  }
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(reading.heldBytes - heldBefore).toBeLessThan(8 * mebibyte);
  expect(after.rssBytes - before.rssBytes).toBeLessThan(96 * mebibyte); // the allocator gives back what is free in its own time
  expect(target.ended.aborted).toBe(false);
});

async function echoes(): Promise<void> {
  const args = { still: "here" };
  expect(await goodClient.request(`unix://${directory.path}/service.sock`, { task: "echo", args, timeoutMs: 10_000 })).toEqual(args);
}

async function open(role: Role): Promise<Socket> {
  const socket = connect({ path: `${directory.path}/${role}.sock`, allowHalfOpen: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** The codes of the acknowledgements of some frames, `accepted` for those without an error, in their order. */
async function wordsTo(role: Role, stream: Uint8Array, count: number): Promise<string[]> {
  const socket = await open(role);
  const words: string[] = [];
  const decoder = new FrameDecoder();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  for (const over of ["end", "close"]) socket.on(over, () => { resolve(undefined); });
  socket.on("data", (chunk) => {
    decoder.scan(chunk, (source, start, end) => {
      const { error } = decodeAcknowledgement(Buffer.from(source.subarray(start, end)).toString());
      words.push(error === "" ? "accepted" : decodeErrorText(error).code);
    });
    if (words.length >= count) resolve(undefined);
  });
  socket.write(stream);
  await promise;
  socket.destroy();
  return words;
}

async function wordTo(role: Role, stream: Uint8Array): Promise<string | undefined> {
  return (await wordsTo(role, stream, 1))[0];
}

/** The longest that the target's loop was held up while `action` ran, in milliseconds. */
async function busyWhile(action: () => Promise<void>): Promise<number> {
  await target.read();
  await action();
  return (await target.read()).maxBusyMs;
}

const request = (args: string, more = ""): string => `{"id":"a","task":"echo","args":${args}${more}}`;
const manyKeys = Array.from({ length: 200_000 }, (_, index) => `"k${index}":1`).join(",");

describe.each(roles)("to the socket of %s", (role) => {
  test("A20 A21 A22 what is JSON and no message is refused, again and again", async () => {
    const texts = ["null", "[]", '"x"', "1", "true", "false", "{}"];
    const stream = Buffer.concat(Array.from({ length: 200 }, () => texts.map((text) => encodeFrame(text))).flat());
    const words = await wordsTo(role, stream, 1400);
    expect(words).toEqual(Array.from({ length: 200 }, () => [...Array.from({ length: 6 }, () => "bad_json"), "bad_field"]).flat());
  });

  test("A9 a length of ffffffff is refused at once, and costs no memory", async () => {
    const { rssBytes } = await holdingsOf(target.pid);
    const startedAt = performance.now();
    for (let times = 0; times < 50; times += 1) expect(await wordTo(role, Buffer.from("ffffffff", "hex"))).toBe("frame_too_large");
    expect((performance.now() - startedAt) / 50).toBeLessThan(100);
    expect((await holdingsOf(target.pid)).rssBytes - rssBytes).toBeLessThan(8 * mebibyte);
  });

  test("A13 A6 what is no frame is refused, and the connection ended", async () => {
    for (const [bytes, code] of [["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "frame_too_large"], ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "frame_too_large"], ["\0\0\0\0", "bad_frame"]] as const) {
      // waits for more than there is, so for the end
      expect(await wordsTo(role, Buffer.from(bytes, "latin1"), 2)).toEqual([code]);
    }
  });

  test("many connections that declare 16 MiB each and send a little cost no more than they have sent", async () => {
    const { rssBytes } = await holdingsOf(target.pid);
    const beginning = Buffer.concat([Buffer.from("01000000", "hex"), Buffer.alloc(2000, " ")]);
    const sockets = await Promise.all(Array.from({ length: 300 }, () => open(role)));
    for (const socket of sockets) socket.write(beginning);
    await echoes();
    expect((await holdingsOf(target.pid)).rssBytes - rssBytes).toBeLessThan(32 * mebibyte); // they declare 4800 MiB
    for (const socket of sockets) socket.destroy();
  });

  test("A32 any depth is refused in a moment, wherever it begins", async () => {
    const deep = [5000, 100_000, 500_000, 4_000_000].flatMap((count) => ["[".repeat(count), `${"[".repeat(count / 2)}${"]".repeat(count / 2)}`]);
    const texts = deep.flatMap((text) => [text, request(text), request(`["${"x".repeat(5000)}",${text}]`), `{"error":"","id":"a","result":["${"x".repeat(5000)}",${text}],"stream_url":null}`]);
    const busyMs = await busyWhile(async () => {
      for (const text of texts) expect(await wordTo(role, encodeFrame(text))).toBe("bad_json");
    });
    expect(busyMs).toBeLessThan(250); // to parse the longest of them takes more than a second
  });

  test("A61 URLs of megabytes are refused in a moment", async () => {
    const busyMs = await busyWhile(async () => {
      for (const key of ["Host", "Path", "RawPath", "RawQuery", "Fragment"]) {
        const url = `{"Scheme":"http","Host":"h","${key}":"/${"$".repeat(3 * mebibyte)}"}`;
        expect(await wordTo(role, encodeFrame(request("1", `,"responsehook":${url},"stream_url":${url}`)))).toBe("bad_field");
      }
    });
    expect(busyMs).toBeLessThan(400);
  });

  test("A38 a mebibyte of white space is no harm", async () => {
    const busyMs = await busyWhile(async () => {
      expect(await wordTo(role, encodeFrame(`${" ".repeat(mebibyte)}{}`))).toBe("bad_field");
    });
    expect(busyMs).toBeLessThan(100);
  });

  test("breaking off within a frame, many times, leaves nothing behind", async () => {
    for (let times = 0; times < 300; times += 1) {
      const socket = await open(role);
      socket.write(Buffer.concat([encodeFrame("null"), Buffer.from("0000ffff", "hex"), Buffer.alloc(times, "{")]));
      socket.destroy();
    }
  });
});

test("A16 a frame of a mebibyte in writes of 64 bytes costs little more than the bytes", async () => {
  const frame = encodeFrame(request(`"${"x".repeat(mebibyte)}"`));
  const socket = await open("service");
  const { cpuSeconds } = await holdingsOf(target.pid);
  for (let at = 0; at < frame.length; at += 64) {
    socket.write(frame.subarray(at, at + 64));
    if (at % (64 * 64) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const [chunk] = (await once(socket, "data")) as [Buffer];
  expect(decodeAcknowledgement(chunk.subarray(4)).error).toBe("");
  expect((await holdingsOf(target.pid)).cpuSeconds - cpuSeconds).toBeLessThan(1);
  socket.destroy();
});

test("A19 callers that send a request and leave before they read the acknowledgement, thousands of them, leave no descriptor", async () => {
  const frame = encodeFrame(request("null", ',"ext":{"reply":true}'));
  for (let times = 0; times < 3000; times += 1) {
    const socket = await open("service");
    socket.pause();
    socket.write(frame);
    socket.destroy();
  }
});

test("numbers of a megabyte and objects of 200 000 keys are taken", async () => {
  const busyMs = await busyWhile(async () => {
    for (const args of ["7".repeat(1_000_000), "1e999999", `{${manyKeys}}`]) {
      expect(await wordTo("service", encodeFrame(request(args)))).toBe("accepted");
    }
  });
  expect(busyMs).toBeLessThan(2000);
});
