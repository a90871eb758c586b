import { AcommError } from "./acomm-error.ts";

/** The longest frame by default: 16 MiB. */
export const defaultMaxFrameBytes: number = 16 * 1024 * 1024;

const headerBytes = 4;
/** The first four bytes of a request of HTTP, by its method; somebody sends them who takes the socket for HTTP. */
const httpHeaders: ReadonlySet<number> = new Set([0x47455420, 0x504f5354, 0x48454144, 0x50555420, 0x4f505449, 0x44454c45, 0x50415443, 0x434f4e4e, 0x54524143]);
/** How a connection with TLS begins: a handshake, and the first byte of its version. */
const tlsHeader = 0x1603;
/** The memory of a large frame that was read, to be filled again by whichever decoder needs it next: new memory costs more than the copy. */
let spareBody: Uint8Array | undefined;
const leastSpareBytes = 32 * 1024;
const mostSpareBytes = 1024 * 1024;
const textEncoder = /* @__PURE__ */ new TextEncoder();

/** @internal Gets a frame's payload: the bytes of `source` from `start` to `end`, valid only during the call. */
export type FrameHandler = (source: Uint8Array, start: number, end: number) => void;

/**
 * A frame: four big-endian bytes for the payload's length, the seed's size header, and the payload.
 *
 * @param maxFrameBytes
 * @default 16 MiB
 * @throws `frame_too_large`, `bad_frame` for an empty payload
 */
export function encodeFrame(payload: string | Uint8Array, maxFrameBytes: number = defaultMaxFrameBytes): Uint8Array {
  const bytes = typeof payload === "string" ? textEncoder.encode(payload) : payload;
  checkFrameLength(bytes.length, maxFrameBytes);
  const frame = new Uint8Array(headerBytes + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, headerBytes);
  return frame;
}

/** @internal @throws `bad_frame` for a length of 0, `frame_too_large` for one above the limit, both in bytes. */
export function checkFrameLength(length: number, maxFrameBytes: number): void {
  if (length === 0) throw new AcommError("bad_frame", "a frame has 0 bytes: send a JSON object");
  if (length <= maxFrameBytes) return;
  const hint = httpHeaders.has(length)
    ? ": this is HTTP on a framed socket, use the HTTP port"
    : length >>> 16 === tlsHeader
      ? ": this is TLS on a framed socket, connect without it"
      : ": send the data as a stream, or raise maxFrameBytes on both sides";
  throw new AcommError("frame_too_large", `a frame has ${length} bytes, the limit is ${maxFrameBytes}${hint}`);
}

/** Takes frames out of a stream of bytes. Cut ones are copied, into at most 4 KiB, twice what has arrived, or memory of an earlier frame. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  /** What has come of a header that is cut; a number, so that a connection with nothing to read holds no memory for it. */
  #header = 0;
  #headerFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;
  #bodyLength = 0;

  /** @param options.maxFrameBytes the longest payload, @default 16 MiB */
  constructor(options: { readonly maxFrameBytes?: number | undefined } = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? defaultMaxFrameBytes;
  }

  /** Whether a frame has begun and is not complete. */
  get isPartial(): boolean {
    return this.#headerFilled > 0 || this.#body !== undefined;
  }

  /** @internal What is held of an incomplete frame. */
  get heldBytes(): number {
    return this.#body === undefined ? this.#headerFilled : headerBytes + this.#bodyFilled;
  }

  /** @internal Forgets the incomplete frame. */
  reset(): void {
    this.#headerFilled = 0;
    this.#body = undefined;
  }

  /**
   * The payloads that `chunk` completes, in order; they may share its memory.
   *
   * @throws `bad_frame`, `frame_too_large`: what stood before it in the chunk is lost, and the decoder can't go on
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    this.#scan(chunk, false, (source, start, end) => {
      frames.push(source.subarray(start, end));
    });
    return frames;
  }

  /** @internal Like {@link push}, without an array and a view for each frame, which is handed out before the next header is read. */
  scan(chunk: Uint8Array, handle: FrameHandler): void {
    this.#scan(chunk, true, handle);
  }

  /** @param reuses whether a payload is read before `handle` returns */
  #scan(chunk: Uint8Array, reuses: boolean, handle: FrameHandler): void {
    let at = 0;
    const size = chunk.length;
    while (at < size) {
      if (this.#body !== undefined) {
        at = this.#fillBody(this.#body, chunk, at, reuses, handle);
        continue;
      }
      let length: number;
      if (this.#headerFilled === 0 && size - at >= headerBytes) {
        length = readLength(chunk, at);
        at += headerBytes;
      } else {
        for (; this.#headerFilled < headerBytes && at < size; this.#headerFilled += 1) this.#header = ((this.#header << 8) | (chunk[at++] ?? 0)) >>> 0;
        if (this.#headerFilled < headerBytes) return;
        this.#headerFilled = 0;
        length = this.#header;
      }
      checkFrameLength(length, this.#maxFrameBytes);
      if (size - at >= length) {
        at += length;
        handle(chunk, at - length, at);
      } else {
        this.#bodyLength = length;
        this.#bodyFilled = size - at;
        this.#body = takeSpareBody(length) ?? new Uint8Array(Math.min(length, Math.max(4096, 2 * this.#bodyFilled)));
        this.#body.set(chunk.subarray(at));
        return;
      }
    }
  }

  #fillBody(held: Uint8Array, chunk: Uint8Array, at: number, reuses: boolean, handle: FrameHandler): number {
    const end = Math.min(chunk.length, at + this.#bodyLength - this.#bodyFilled);
    const filled = this.#bodyFilled + end - at;
    let body = held;
    if (filled > body.length) {
      // doubling keeps the copying linear, and what is held below twice of what has arrived
      body = new Uint8Array(Math.min(this.#bodyLength, Math.max(filled, 2 * body.length)));
      body.set(held.subarray(0, this.#bodyFilled));
      this.#body = body;
    }
    body.set(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), this.#bodyFilled);
    this.#bodyFilled = filled;
    if (filled === this.#bodyLength) {
      this.#body = undefined;
      handle(body, 0, filled);
      if (reuses && filled >= leastSpareBytes && body.length <= mostSpareBytes) spareBody = body;
    }
    return end;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

function takeSpareBody(length: number): Uint8Array | undefined {
  if (spareBody === undefined || length < leastSpareBytes || length > spareBody.length) return undefined;
  const body = spareBody;
  spareBody = undefined;
  return body;
}
