import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { refusal } from "./fixtures/refusal.ts";
import { checkFrameLength, defaultMaxFrameBytes, encodeFrame, FrameDecoder } from "./frame.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const join = (chunks: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));

/** What comes out, as hexadecimal text, when `stream` arrives in pieces that end at each of `cuts`. */
function decodeCut(stream: Uint8Array, cuts: readonly number[], decoder = new FrameDecoder()): string[] {
  const places = [0, ...cuts, stream.length];
  return places.slice(1).flatMap((end, at) => decoder.push(stream.slice(places[at], end)).map(hex));
}

describe("encodeFrame", () => {
  test("writes the length in bytes as four big-endian bytes before the payload", () => {
    expect(hex(encodeFrame("{}"))).toBe("000000027b7d");
    expect(hex(encodeFrame('"é"'))).toBe("0000000422c3a922");
    expect(hex(encodeFrame(new Uint8Array(258))).slice(0, 8)).toBe("00000102");
  });

  test("A6 refuses an empty payload as bad_frame", () => {
    expect(refusal(() => encodeFrame("")).code).toBe("bad_frame");
  });

  test("A8 takes exactly the limit and refuses one byte more, counting bytes, not characters", () => {
    expect(encodeFrame("1234", 4)).toHaveLength(8);
    const error = refusal(() => encodeFrame("123é", 4));
    expect(error.code).toBe("frame_too_large");
    expect(error.message).toContain("5 bytes, the limit is 4");
  });

  test("limits a frame to 16 MiB unless told otherwise", () => {
    expect(defaultMaxFrameBytes).toBe(16_777_216);
    expect(encodeFrame(new Uint8Array(defaultMaxFrameBytes))).toHaveLength(defaultMaxFrameBytes + 4);
    expect(refusal(() => encodeFrame(new Uint8Array(defaultMaxFrameBytes + 1))).code).toBe("frame_too_large");
  });
});

describe("FrameDecoder", () => {
  const payloads = ["a", "{}", '{"id":"x"}', "é".repeat(100), "\u0000\u0000\u0000\u0001"].map(bytesOf);
  const stream = join(payloads.map((payload) => encodeFrame(payload)));
  const expected = payloads.map(hex);

  test("A1 takes frames that arrive byte by byte", () => {
    const everyPlace = Array.from({ length: stream.length - 1 }, (_, at) => at + 1);
    expect(decodeCut(stream, everyPlace)).toEqual(expected);
  });

  test("A2 takes frames that are cut in two at any place, the header too", () => {
    for (let cut = 0; cut <= stream.length; cut += 1) expect(decodeCut(stream, [cut])).toEqual(expected);
  });

  test("A2 takes frames that are cut in three at any pair of places", () => {
    const short = join([encodeFrame("a"), encodeFrame("bcd"), encodeFrame("efghijkl")]);
    for (let first = 0; first <= short.length; first += 1) {
      for (let second = first; second <= short.length; second += 1) {
        expect(decodeCut(short, [first, second])).toEqual(["a", "bcd", "efghijkl"].map((text) => hex(bytesOf(text))));
      }
    }
  });

  test("A3 gives two frames of one chunk in their order", () => {
    expect(new FrameDecoder().push(join([encodeFrame("1"), encodeFrame("2")])).map(hex)).toEqual(["31", "32"]);
  });

  test("gives 10 000 frames of one chunk in their order, where they lie, without a copy", () => {
    const many = Array.from({ length: 10_000 }, (_, at) => String(at));
    const chunk = join(many.map((text) => encodeFrame(text)));
    const frames = new FrameDecoder().push(chunk);
    expect(frames.map((frame) => new TextDecoder().decode(frame))).toEqual(many);
    expect(frames.every((frame) => frame.buffer === chunk.buffer)).toBe(true);
  });

  test("scan hands out the same frames as push", () => {
    const seen: string[] = [];
    const decoder = new FrameDecoder();
    for (const chunk of [stream.subarray(0, 9), stream.subarray(9)]) decoder.scan(chunk, (source, start, end) => seen.push(hex(source.subarray(start, end))));
    expect(seen).toEqual(expected);
  });

  test("scan reads large frames that are cut into the same memory again; what push gives is never written over", () => {
    const large = (byte: number): Uint8Array => encodeFrame(new Uint8Array(100_000).fill(byte));
    const memories = new Set<ArrayBufferLike>();
    const [one, other] = [new FrameDecoder(), new FrameDecoder()];
    const scanned: number[] = [];
    const feed = (decoder: FrameDecoder, bytes: Uint8Array): void => {
      decoder.scan(bytes, (source, start, end) => {
        memories.add(source.buffer);
        expect(source.subarray(start, end).every((byte) => byte === source[start])).toBe(true);
        scanned.push(source[start] ?? 0);
      });
    };
    for (const byte of [1, 2, 3]) for (const part of [large(byte).subarray(0, 50_000), large(byte).subarray(50_000)]) feed(one, part);
    expect(memories.size).toBe(1);
    // two at once
    feed(one, large(4).subarray(0, 50_000));
    feed(other, large(5).subarray(0, 70_000));
    feed(one, large(4).subarray(50_000));
    feed(other, large(5).subarray(70_000));
    expect(scanned).toEqual([1, 2, 3, 4, 5]);
    const pushed = [6, 7, 8].flatMap((byte) => [large(byte).subarray(0, 50_000), large(byte).subarray(50_000)].flatMap((part) => one.push(part)));
    expect(pushed.map((payload) => [payload.length, new Set(payload)])).toEqual([6, 7, 8].map((byte) => [100_000, new Set([byte])]));
  });

  test("A5 says that a frame has begun when a part of its header is there, and holds just that", () => {
    const decoder = new FrameDecoder();
    expect([decoder.isPartial, decoder.heldBytes]).toEqual([false, 0]);
    decoder.push(unhex("0000"));
    expect([decoder.isPartial, decoder.heldBytes]).toEqual([true, 2]);
    decoder.push(unhex("0002"));
    expect([decoder.isPartial, decoder.heldBytes]).toEqual([true, 4]);
    decoder.push(unhex("7b"));
    expect([decoder.isPartial, decoder.heldBytes]).toEqual([true, 5]);
    expect(decoder.push(unhex("7d")).map(hex)).toEqual(["7b7d"]);
    expect([decoder.isPartial, decoder.heldBytes]).toEqual([false, 0]);
  });

  test("an empty chunk changes nothing", () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(new Uint8Array())).toEqual([]);
    decoder.push(unhex("0000000261"));
    expect(decoder.push(new Uint8Array())).toEqual([]);
    expect(decoder.push(bytesOf("b")).map(hex)).toEqual(["6162"]);
  });

  test("a reset forgets what is incomplete, in the header and in the body", () => {
    const decoder = new FrameDecoder();
    for (const part of ["0000", "000000057b7d"]) {
      decoder.push(Buffer.from(part, "hex"));
      expect(decoder.isPartial).toBe(true);
      decoder.reset();
      expect([decoder.isPartial, decoder.heldBytes]).toEqual([false, 0]);
    }
    expect(decoder.push(encodeFrame("{}")).map((frame) => Buffer.from(frame).toString())).toEqual(["{}"]);
  });

  test("A6 refuses a length of 0 as bad_frame, however the header is cut", () => {
    for (const cut of [0, 1, 2, 3, 4]) expect(refusal(() => decodeCut(unhex("00000000"), [cut])).code).toBe("bad_frame");
  });

  test("A8 takes a payload of exactly the limit and refuses one byte more at its header", () => {
    const decoder = (): FrameDecoder => new FrameDecoder({ maxFrameBytes: 8 });
    expect(decodeCut(encodeFrame("12345678"), [], decoder())).toHaveLength(1);
    expect(decodeCut(encodeFrame("12345678"), [1, 6], decoder())).toHaveLength(1);
    for (const cut of [0, 2, 4]) {
      const error = refusal(() => decodeCut(unhex("00000009"), [cut], decoder()));
      expect(error.code).toBe("frame_too_large");
      expect(error.message).toContain("9 bytes, the limit is 8");
    }
  });

  test("A9 refuses ffffffff as a length of 4 294 967 295, never as a negative one", () => {
    const error = refusal(() => new FrameDecoder().push(unhex("ffffffff")));
    expect(error.code).toBe("frame_too_large");
    expect(error.message).toContain("4294967295");
  });

  test.each(["GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE"].map((method) => `${method} / HTTP/1.1\r\n\r\n`))(
    "A13 refuses %j with a hint that this is HTTP on a framed socket",
    (text) => {
      const error = refusal(() => new FrameDecoder().push(bytesOf(text)));
      expect(error.code).toBe("frame_too_large");
      expect(error.message).toContain("HTTP on a framed socket");
    },
  );

  test.each(["16030100", "16030102", "160303ff"])("refuses %s with a hint that this is TLS on a framed socket", (header) => {
    const error = refusal(() => new FrameDecoder().push(unhex(header)));
    expect(error.code).toBe("frame_too_large");
    expect(error.message).toContain("TLS on a framed socket");
  });

  test("scan hands out the frames that stand before a bad header; push loses them with the error", () => {
    const chunk = join([encodeFrame("good"), unhex("00000000")]);
    const seen: string[] = [];
    expect(refusal(() => new FrameDecoder().scan(chunk, (source, start, end) => seen.push(hex(source.subarray(start, end))))).code).toBe("bad_frame");
    expect(seen).toEqual([hex(bytesOf("good"))]);
    expect(refusal(() => new FrameDecoder().push(chunk)).code).toBe("bad_frame");
  });

  test("A9 allocates at most 4 KiB or twice what has arrived, whatever the header declares", () => {
    let largest = 0;
    const counting = new Proxy(Uint8Array, {
      construct(target, [size]: [number]) {
        largest = Math.max(largest, size);
        return new target(size);
      },
    });
    const header = unhex("01000000");
    const piece = new Uint8Array(10_000);
    for (const pieceBytes of [1, 1000, piece.length]) {
      const decoder = new FrameDecoder();
      largest = 0;
      vi.stubGlobal("Uint8Array", counting);
      try {
        decoder.push(header);
        expect(largest).toBeLessThanOrEqual(4096);
        for (let arrived = pieceBytes; arrived < 500 * pieceBytes; arrived += pieceBytes) {
          largest = 0;
          decoder.push(piece.subarray(0, pieceBytes));
          expect(decoder.heldBytes).toBe(4 + arrived);
          expect(largest).toBeLessThanOrEqual(Math.max(4096, 2 * arrived));
        }
      } finally {
        vi.unstubAllGlobals();
      }
    }
  });

  test("any payloads, cut anywhere, give the same frames, and no more is held than has arrived", () => {
    const payload = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.uint8Array({ minLength: 4000, maxLength: 9000 }));
    const cutPlaces = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), cutPlaces, (given, places) => {
        const bytes = join(given.map((each) => encodeFrame(each)));
        const cuts = places.map((place) => Math.round(place * bytes.length)).sort((left, right) => left - right);
        const decoder = new FrameDecoder();
        const got: string[] = [];
        let from = 0;
        for (const to of [...cuts, bytes.length]) {
          got.push(...decoder.push(bytes.slice(from, to)).map(hex));
          from = to;
          const complete = got.reduce((sum, frame) => sum + 4 + frame.length / 2, 0);
          expect(decoder.heldBytes).toBe(to - complete);
        }
        expect(got).toEqual(given.map(hex));
        expect(decoder.isPartial).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

test("checkFrameLength takes 1 byte to the limit", () => {
  expect(() => checkFrameLength(1, 10)).not.toThrow();
  expect(() => checkFrameLength(10, 10)).not.toThrow();
  expect(refusal(() => checkFrameLength(0, 10)).code).toBe("bad_frame");
  expect(refusal(() => checkFrameLength(11, 10)).message).toContain("stream");
});
