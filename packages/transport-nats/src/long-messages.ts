import { AcommError, checkFrameLength } from "@acomm/protocol";
import { encodeControl } from "./control.ts";
import type { Link } from "./link.ts";
import type { Streams } from "./streams.ts";
import { checkSubject } from "./subjects.ts";

/** How long whoever fetches a message may take to begin, and be silent, in milliseconds. */
const fetchTimeoutMs = 10_000;

const nothing = Buffer.alloc(0);

/** Messages that are longer than the server takes: instead of the text goes the subject of a stream, at which it can be read. */
export class LongMessages {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #maxFrameBytes: number;

  constructor(link: Link, streams: Streams, maxFrameBytes: number) {
    this.#link = link;
    this.#streams = streams;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Offers a text, and resolves when it was read. @throws what became of it */
  async send(subject: string, payload: Uint8Array, reply: string): Promise<void> {
    const { subject: stream, outlet } = await this.#streams.serve([payload], { openTimeoutMs: fetchTimeoutMs, idleTimeoutMs: fetchTimeoutMs });
    try {
      this.#link.publish(subject, nothing, { reply, headers: encodeControl({ word: "long", bytes: payload.length, stream }) });
    } catch (error) {
      outlet.fail(error as AcommError);
    }
    await outlet.done;
  }

  /** Reads a text that was offered. @throws `frame_too_large`, `bad_address`, `unavailable`, `truncated_stream`, `timeout` */
  async fetch(subject: string, bytes: number): Promise<Buffer> {
    checkFrameLength(bytes, this.#maxFrameBytes);
    const intake = await this.#streams.open({ subject: checkSubject(subject), timeoutMs: fetchTimeoutMs, idleTimeoutMs: fetchTimeoutMs, doing: "fetch a long message" });
    const parts: Buffer[] = [];
    let held = 0;
    for await (const part of intake as AsyncIterable<Buffer>) {
      held += part.length;
      if (held > bytes) break;
      parts.push(part);
    }
    if (held !== bytes) throw new AcommError("bad_frame", `a long message of ${bytes} bytes was announced, and ${held} came`);
    return Buffer.concat(parts);
  }
}
