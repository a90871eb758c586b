import { AcommError, encodeFrame } from "@acomm/protocol";
import { once } from "node:events";
import { duplexPair, PassThrough } from "node:stream";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Connection } from "./connection.ts";
import type { ConnectionOptions, FrameReceiver } from "./connection.ts";
import { codeOf, collectGarbage, temporaryDirectory, thrownBy } from "@acomm/testing";
import { connectUnix } from "./unix/connect.ts";
import { UnixListener } from "./unix/listener.ts";
import { socketPair } from "./fixtures/socket-pair.ts";
import type { SocketPair } from "./fixtures/socket-pair.ts";
import type { TemporaryDirectory } from "@acomm/testing";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

let count = 0;
const open = (options?: ConnectionOptions): Promise<SocketPair> => socketPair(directory.socket(String((count += 1))), options);

/** Notes everything that a connection tells it. */
class Notes implements FrameReceiver {
  readonly lines: string[] = [];
  readonly over = Promise.withResolvers<AcommError | undefined>();
  onFrame: (text: string) => void = () => undefined;

  frame(text: string, start: number, end: number): void {
    const frame = text.slice(start, end);
    this.lines.push(`frame ${frame}`);
    this.onFrame(frame);
  }

  unreadable(error: AcommError): void {
    this.lines.push(`unreadable ${error.code}`);
  }

  turnEnded(): void {
    this.lines.push("turn");
  }

  drained(): void {
    this.lines.push("drained");
  }

  inputEnded(): void {
    this.lines.push("input ended");
  }

  closed(error: AcommError | undefined): void {
    this.lines.push(`closed ${error?.code ?? ""}`);
    this.over.resolve(error);
  }
}

describe("read", () => {
  test("A1 A2 gives frames that were cut anywhere, one byte a write included", async () => {
    await using pair = await open();
    const bytes = encodeFrame('{"text":"ä€😀"}');
    for (const byte of bytes) {
      pair.peer.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await pair.connection.read()).toBe('{"text":"ä€😀"}');
    for (const cut of [1, 2, 3, 4, 5]) {
      const next = pair.connection.read();
      pair.peer.write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      pair.peer.write(bytes.subarray(cut));
      expect(await next).toBe('{"text":"ä€😀"}');
    }
  });

  test("A3 gives both of two frames in one write, in order", async () => {
    await using pair = await open();
    pair.peer.write(Buffer.concat([encodeFrame("one"), encodeFrame("two")]));
    expect(await Promise.all([pair.connection.read(), pair.connection.read()])).toEqual(["one", "two"]);
  });

  test("reads that wait get the frames in the order in which they were asked for, and undefined at the end", async () => {
    await using pair = await open();
    const reads = [1, 2, 3, 4].map(() => pair.connection.read());
    pair.peer.say("one");
    pair.peer.say("two");
    pair.peer.socket.end();
    expect(await Promise.all(reads)).toEqual(["one", "two", undefined, undefined]);
    expect(await pair.connection.read()).toBeUndefined();
  });

  test("holds the peer back while nobody reads, and loses nothing", async () => {
    await using pair = await open();
    const text = "x".repeat(10_000);
    for (let index = 0; index < 200; index += 1) pair.peer.say(`${index} ${text}`);
    expect(await pair.connection.read()).toBe(`0 ${text}`);
    expect(pair.peer.socket.writableLength).toBeGreaterThan(0);
    for (let index = 1; index < 200; index += 1) expect(await pair.connection.read()).toBe(`${index} ${text}`);
    expect(pair.peer.socket.writableLength).toBe(0);
  });

  test("time in which nobody reads does not count against a frame", async () => {
    await using pair = await open({ frameTimeoutMs: 60 });
    // some whole frames and a half one, all in one chunk
    const last = encodeFrame("last");
    pair.peer.write(Buffer.concat([...Array.from({ length: 20 }, (_, index) => encodeFrame(String(index))), last.subarray(0, 5)]));
    expect(await pair.connection.read()).toBe("0");
    await new Promise((resolve) => setTimeout(resolve, 150)); // longer than a frame may take
    for (let index = 1; index < 20; index += 1) expect(await pair.connection.read()).toBe(String(index));
    pair.peer.write(last.subarray(5));
    expect(await pair.connection.read()).toBe("last");
  });

  test("a signal or a timeout ends one read, not the connection", async () => {
    await using pair = await open();
    const controller = new AbortController();
    const cancelled = codeOf(pair.connection.read({ signal: controller.signal }));
    const late = codeOf(pair.connection.read({ timeoutMs: 10 }));
    controller.abort();
    expect([await cancelled, await late]).toEqual(["cancelled", "timeout"]);
    expect(await codeOf(pair.connection.read({ signal: controller.signal }))).toBe("cancelled");
    expect(await codeOf(pair.connection.read({ timeoutMs: Number.NaN }))).toBe("bad_field");
    pair.peer.say("still");
    expect(await pair.connection.read()).toBe("still");
  });

  test("A23 a frame that is not UTF-8 fails one read, what follows is read", async () => {
    await using pair = await open();
    pair.peer.write(Buffer.from("00000009" + "7b226964223a22ff227d".slice(0, 18), "hex"));
    pair.peer.say("fine");
    expect(await codeOf(pair.connection.read())).toBe("bad_json");
    expect(await pair.connection.read()).toBe("fine");
  });

  test("gives the frames of one chunk, of every length, ASCII or not, and leaves its memory as it was", async () => {
    const ascii = Array.from({ length: 300 }, (_, length) => "x".repeat(length + 1));
    for (const texts of [ascii, ascii.map((text, index) => (index % 7 === 0 ? `${text}ü€😀\ufffd` : text)), ascii.map((text) => `ü${text}`)]) {
      const [here, there] = duplexPair({ allowHalfOpen: true });
      const connection = new Connection(here);
      const chunk = Buffer.concat([...texts.map((text) => encodeFrame(text)), Buffer.from("000000ff7bff", "hex")]); // and how another one begins
      const before = Buffer.from(chunk);
      there.write(chunk);
      for (const text of texts) expect(await connection.read()).toBe(text);
      expect(chunk.equals(before)).toBe(true);
      connection.destroy();
    }
  });

  test("cuts the frames of a chunk out of one text where they are ASCII, whatever the bytes of their lengths", async () => {
    const [here, there] = duplexPair({ allowHalfOpen: true });
    const connection = new Connection(here);
    const notes = new Notes();
    const starts: number[] = [];
    const ended = new Promise<void>((resolve) => { notes.turnEnded = resolve; });
    notes.frame = (_text, start) => { starts.push(start); };
    connection.receive(notes);
    there.write(Buffer.concat([200, 10, 300].map((length) => encodeFrame("x".repeat(length)))));
    await ended;
    expect(starts).toEqual([4, 208, 222]);
    connection.destroy();
  });

  for (const [what, bytes, code] of [
    ["A5 a part of a header", "0000", "bad_frame"],
    ["A5 a part of a frame", "000000057b", "bad_frame"],
    ["A6 a frame of no bytes", "00000000", "bad_frame"],
    ["A9 a frame over the limit", "ffffffff", "frame_too_large"],
    ["A13 HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex"), "frame_too_large"],
  ] as const) {
    test(`${what}, then the end, fails with ${code} after the frames before it`, async () => {
      await using pair = await open();
      pair.peer.say("before");
      pair.peer.write(Buffer.from(bytes, "hex"));
      pair.peer.socket.end();
      expect(await pair.connection.read()).toBe("before");
      expect(await codeOf(pair.connection.read())).toBe(code);
      expect(await codeOf(pair.connection.read())).toBe(code);
    });
  }

  test("a peer that breaks off is unavailable", async () => {
    await using pair = await open();
    const read = codeOf(pair.connection.read());
    await pair.connection.write("unread");
    pair.peer.socket.destroy();
    expect(await read).toBe("unavailable");
  });
});

describe("A11 F24 a frame that is not complete in time", () => {
  test("ends the connection with timeout, also where bytes go on dripping in", async () => {
    await using pair = await open({ frameTimeoutMs: 80 });
    const read = codeOf(pair.connection.read());
    const drip = setInterval(() => { pair.peer.write("x"); }, 5);
    pair.peer.write(Buffer.from("00000fff", "hex"));
    expect(await read).toBe("timeout");
    await pair.peer.ended;
    clearInterval(drip);
  });

  test("does not concern a connection that is silent between frames", async () => {
    await using pair = await open({ frameTimeoutMs: 20 });
    pair.peer.say("one");
    expect(await pair.connection.read()).toBe("one");
    await new Promise((resolve) => setTimeout(resolve, 60)); // longer than a frame may take
    pair.peer.say("two");
    expect(await pair.connection.read()).toBe("two");
  });
});

test("leaves nothing of itself on a stream that outlives it, accepted or connected", async () => {
  const openBothEnds = async (): Promise<{ readonly streams: readonly Duplex[]; readonly connections: readonly WeakRef<Connection>[] }> => {
    const path = directory.socket(String((count += 1)));
    await using listener = new UnixListener(path);
    await listener.start();
    const connected = new Connection(await connectUnix(path));
    await connected.write("{}");
    const there = await listener.nextConnection();
    if (there === undefined) throw new Error("nobody came");
    expect(await there.read()).toBe("{}");
    await there.write("[]");
    expect(await connected.read()).toBe("[]");
    const streams = [there.stream, connected.stream];
    const closed = Promise.all(streams.map((stream) => once(stream, "close")));
    connected.close();
    listener.doneConnection(there);
    await closed;
    return { streams, connections: [new WeakRef(there), new WeakRef(connected)] };
  };
  const { streams, connections } = await openBothEnds();
  await new Promise((resolve) => setTimeout(resolve)); // what a turn has looked at stays for that turn
  collectGarbage();
  expect(connections.map((connection) => connection.deref())).toEqual([undefined, undefined]);
  expect(streams.map((stream) => stream.emit("error", new Error("late")))).toEqual([true, true]);
});

describe("receive", () => {
  test("gets the frames of a chunk, the end of the turn, the end and the close, each once", async () => {
    await using pair = await open();
    const notes = new Notes();
    pair.connection.receive(notes);
    pair.peer.write(Buffer.concat([encodeFrame("one"), encodeFrame(Buffer.from("ff", "hex")), encodeFrame("two")]));
    pair.peer.socket.end();
    await new Promise((resolve) => pair.connection.stream.once("end", resolve));
    pair.connection.close();
    await notes.over.promise;
    expect(notes.lines).toEqual(["frame one", "unreadable bad_json", "frame two", "turn", "input ended", "closed "]);
  });

  test("gets nothing more once it has closed or destroyed the connection, not even from the same chunk", async () => {
    for (const end of ["close", "destroy"] as const) {
      await using pair = await open();
      const notes = new Notes();
      notes.onFrame = () => { pair.connection[end](); };
      pair.connection.receive(notes);
      pair.peer.write(Buffer.concat([encodeFrame("one"), encodeFrame("two")]));
      pair.peer.say("three");
      pair.peer.socket.end();
      expect(await notes.over.promise).toBeUndefined();
      expect(notes.lines).toEqual(["frame one", "turn", "input ended", "closed "]);
    }
  });

  describe("of frames of more than 32 KiB", () => {
    const heavy = "x".repeat(40 * 1024);
    const chunkOf = (...frames: readonly (string | Uint8Array)[]): Buffer => Buffer.concat(frames.map((frame) => encodeFrame(frame)));
    /** Notes what comes of one chunk, and when it was read. */
    const exchange = async (chunk: Buffer, { underWay, during = () => undefined }: { readonly underWay: number; readonly during?: (pair: SocketPair) => void }): Promise<Notes> => {
      const pair = await open();
      onTestFinished(() => pair[Symbol.asyncDispose]());
      const notes = new Notes();
      const { connection } = pair;
      connection.receive(notes);
      connection.setUnderWay(underWay);
      const read = new Promise<void>((resolve) => {
        connection.stream.once("data", ({ length }: Buffer) => {
          notes.lines.push(length === chunk.length ? "chunk read" : `only ${length} bytes read`);
          during(pair);
          resolve();
        });
      });
      pair.peer.write(chunk);
      await read;
      await new Promise((resolve) => setImmediate(resolve));
      return notes;
    };
    const shortened = ({ lines }: Notes): string[] => lines.filter((line) => line !== "turn").map((line) => line.replace(/x+$/, "heavy"));

    test("gets them when what could be read and written meanwhile was, with those behind them in their order", async () => {
      const notes = await exchange(chunkOf(heavy, "two", Buffer.from("ff", "hex"), "three"), { underWay: 2 });
      expect(shortened(notes)).toEqual(["chunk read", "frame heavy", "frame two", "unreadable bad_json", "frame three"]);
      expect(notes.lines.at(-1)).toBe("turn");
    });

    test("gets them at once where no other exchange is under way, and short ones always", async () => {
      expect(shortened(await exchange(chunkOf(heavy, "two"), { underWay: 1 }))).toEqual(["frame heavy", "frame two", "chunk read"]);
      expect(shortened(await exchange(chunkOf("one", "two"), { underWay: 1000 }))).toEqual(["frame one", "frame two", "chunk read"]);
    });

    test("gets them before it hears that the connection is over, but none once it has ended that itself", async () => {
      const cut = await exchange(chunkOf(heavy, "two"), { underWay: 2, during: ({ connection }) => { connection.stream.destroy(new Error("the wire is cut")); } });
      await cut.over.promise;
      expect(shortened(cut)).toEqual(["chunk read", "frame heavy", "frame two", "input ended", "closed unavailable"]);
      const broken = await exchange(Buffer.concat([chunkOf(heavy, "two"), Buffer.alloc(4)]), { underWay: 2, during: ({ peer }) => { peer.socket.end(); } });
      await broken.over.promise;
      expect(shortened(broken)).toEqual(["frame heavy", "frame two", "input ended", "chunk read", "closed bad_frame"]);
      const stopped = await exchange(chunkOf(heavy, "two"), { underWay: 2, during: ({ connection }) => { connection.destroy(); } });
      await stopped.over.promise;
      expect(shortened(stopped)).toEqual(["chunk read", "input ended", "closed "]);
    });

    test("gets no more while it holds the peer back, and what is there when it does so no longer", async () => {
      const pair = Promise.withResolvers<SocketPair>();
      const notes = await exchange(chunkOf(heavy), {
        underWay: 2,
        during(opened) {
          opened.connection.pause();
          opened.connection.resume();
          opened.connection.pause();
          pair.resolve(opened);
        },
      });
      const { connection, peer } = await pair.promise;
      peer.say("later");
      await new Promise((resolve) => peer.socket.write("", resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(shortened(notes)).toEqual(["chunk read", "frame heavy"]);
      const later = new Promise((resolve) => { notes.onFrame = resolve; });
      connection.resume();
      expect(await later).toBe("later");
    });
  });

  test("is not for two, and not beside read", async () => {
    await using pair = await open();
    pair.connection.receive(new Notes());
    expect(thrownBy(() => { pair.connection.receive(new Notes()); }).message).toMatch("either read() or receive(), once");
    expect(thrownBy(() => void pair.connection.read()).message).toMatch("either read() or receive(), once");
    await using other = await open();
    other.peer.say("one");
    expect(await other.connection.read()).toBe("one");
    expect(thrownBy(() => { other.connection.receive(new Notes()); }).code).toBe("bad_field");
  });

  test("on a connection that is over tells so at once", async () => {
    await using pair = await open();
    const closed = new Promise((resolve) => pair.connection.stream.once("close", resolve));
    pair.connection.destroy(new AcommError("stopping", "over"));
    await closed;
    const notes = new Notes();
    pair.connection.receive(notes);
    expect(notes.lines).toEqual(["closed stopping"]);
    const [stream] = duplexPair();
    stream.destroy();
    await new Promise((resolve) => stream.once("close", resolve));
    const late = new Notes();
    new Connection(stream).receive(late);
    expect(late.lines).toEqual(["closed "]);
  });

  test("limits that no timer and no buffer takes are refused", () => {
    expect(thrownBy(() => new Connection(new PassThrough(), { frameTimeoutMs: Number.NaN })).message).toMatch("frameTimeoutMs");
    expect(thrownBy(() => new Connection(new PassThrough(), { maxFrameBytes: 0 })).message).toMatch("maxFrameBytes");
  });
});
