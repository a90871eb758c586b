import { AcommError } from "@acomm/protocol";
import { openSource } from "@acomm/transport";
import type { LazyStreamSource } from "@acomm/transport";
import { Readable } from "node:stream";
import { encodeControl } from "./control.ts";
import type { Control } from "./control.ts";
import type { Link } from "./link.ts";

/** What a {@link StreamOutlet} works with. */
export interface StreamOutletInit {
  readonly link: Link;
  /** Its own. */
  readonly subject: string;
  readonly openTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/**
 * The longest part of a stream, in bytes: most parts then lie whole in what the client library reads at once, and are not copied.
 * With 128 KiB a reader of a GiB has 80 MiB of garbage at a time, with this 10.
 */
const partBytes = 16 * 1024;
/** What the headers of a part take, in bytes, and some more. */
const headerBytes = 512;
/** After how much silence it looks whether the other side is there, in milliseconds. */
export const lookAfterMs = 1000;

const nothing = Buffer.alloc(0);

/**
 * A stream that is served: its source in parts, each with the number of bytes before it, as many as the reader takes; then an end
 * with the number of all, which the reader confirms.
 */
export class StreamOutlet {
  /** Settles when it was read, or fails with what became of it. */
  readonly done: Promise<void>;
  readonly #init: StreamOutletInit;
  readonly #source: LazyStreamSource;
  #readable: Readable | undefined;
  #reader: string | undefined;
  #sentBytes = 0;
  /** Up to where the reader takes it. */
  #creditBytes = 0;
  #hasEnded = false;
  #isOver = false;
  #onOpened: (() => void) | undefined;
  #onCredit: (() => void) | undefined;
  #settle!: { readonly resolve: () => void; readonly reject: (error: Error) => void };
  #openTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;

  constructor(source: LazyStreamSource, init: StreamOutletInit) {
    this.#init = init;
    this.#source = source;
    if (source instanceof Readable) {
      this.#readable = source;
      source.on("error", (error) => { this.fail(error); });
      if (source.errored !== null) queueMicrotask(() => { this.fail(source.errored ?? new Error("the source has failed")); });
    }
    this.done = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.done.catch(() => undefined); // whoever waits for it gets the error; nobody has to
    this.#openTimer = setTimeout(() => { this.fail(new AcommError("timeout", `a stream was not opened within ${init.openTimeoutMs} ms`)); }, init.openTimeoutMs);
    void this.#run();
  }

  /** Takes what its reader, or somebody who would be it, says. */
  hear({ word, bytes }: Control, reply: string): void {
    if (word === "open") this.#open(bytes ?? 0, reply);
    else if (this.#reader === undefined) return; // it can't be from its reader
    else if (word === "read") this.#credit(bytes ?? 0);
    else if (word === "done" && this.#hasEnded) this.#finish(undefined);
    else if (word === "cut" || word === "bye") this.fail(new AcommError("truncated_stream", "write a stream: the reader left before its end"));
  }

  /** Whoever was held back by the way may go on. */
  goOn(): void {
    this.#onCredit?.();
  }

  cancel(): void {
    this.fail(new AcommError("cancelled", `a stream was cancelled ${this.#reader === undefined ? "before" : "while"} it was read`));
  }

  /** The way to the server is gone, and parts may be lost with it. */
  linkDown(): void {
    if (this.#reader !== undefined) this.fail(new AcommError("truncated_stream", "write a stream: the connection to the server broke off"));
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    if (this.#reader !== undefined) this.#init.link.tell(this.#reader, nothing, { headers: encodeControl({ word: "cut" }) });
    this.#finish(error);
  }

  #open(windowBytes: number, reader: string): void {
    if (this.#reader !== undefined || reader === "") {
      if (reader !== "" && reader !== this.#reader) this.#init.link.tell(reader, nothing, { headers: encodeControl({ word: "none" }) });
      return;
    }
    clearTimeout(this.#openTimer);
    this.#reader = reader;
    this.#creditBytes = windowBytes;
    this.#init.link.tell(reader, nothing, { reply: this.#init.subject, headers: encodeControl({ word: "opened" }) });
    this.#moved();
    this.#look();
    this.#onOpened?.();
  }

  #credit(bytes: number): void {
    if (bytes > this.#creditBytes) {
      this.#creditBytes = bytes;
      this.#moved();
    }
    this.#onCredit?.();
  }

  async #run(): Promise<void> {
    try {
      await new Promise<void>((resolve) => (this.#onOpened = resolve));
      this.#readable ??= await openSource(this.#source);
      this.#readable.on("error", () => undefined); // the loop finds it
      for await (const chunk of this.#readable as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        for (let at = 0; at < bytes.length; at = await this.#write(bytes, at));
        if (this.#isOver) return;
      }
      if (this.#isOver) return;
      this.#hasEnded = true;
      this.#publish({ word: "end", bytes: this.#sentBytes }, nothing);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Writes as much of a chunk as may leave now, and says up to where. */
  async #write(bytes: Uint8Array, at: number): Promise<number> {
    const { link } = this.#init;
    while (!this.#isOver && (this.#sentBytes >= this.#creditBytes || link.isBlocked)) await new Promise<void>((resolve) => (this.#onCredit = resolve));
    if (this.#isOver) return bytes.length;
    const most = Math.min(partBytes, link.maxPayloadBytes - headerBytes, this.#creditBytes - this.#sentBytes);
    const part = bytes.subarray(at, at + most);
    this.#publish({ word: "part", bytes: this.#sentBytes }, part);
    this.#sentBytes += part.length;
    this.#moved();
    return at + part.length;
  }

  #publish(control: Control, payload: Uint8Array): void {
    const { link, subject } = this.#init;
    if (this.#reader !== undefined) link.publish(this.#reader, payload, { reply: subject, headers: encodeControl(control) });
  }

  #moved(): void {
    const { idleTimeoutMs } = this.#init;
    if (this.#idleTimer !== undefined) {
      this.#idleTimer.refresh();
      return;
    }
    this.#idleTimer = setTimeout(() => {
      const who = this.#sentBytes >= this.#creditBytes || this.#hasEnded ? "the reader took" : "the source gave";
      this.fail(new AcommError("timeout", `write a stream: ${who} nothing for ${idleTimeoutMs} ms`));
    }, idleTimeoutMs);
  }

  /** Now and then looks whether the reader is there: where nobody is, the server says so. */
  #look(): void {
    this.#lookTimer = setInterval(() => {
      if (this.#reader !== undefined) this.#init.link.tell(this.#reader, nothing, { reply: this.#init.subject, headers: encodeControl({ word: "alive" }) });
    }, lookAfterMs);
  }

  #finish(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#openTimer);
    clearTimeout(this.#idleTimer);
    clearInterval(this.#lookTimer);
    this.#onOpened?.();
    this.#onCredit?.();
    this.#readable?.destroy();
    if (this.#readable === undefined && isReadable(this.#source)) this.#source.destroy();
    if (error === undefined) this.#settle.resolve();
    else this.#settle.reject(error);
  }
}

function isReadable(source: LazyStreamSource): source is Readable {
  return source instanceof Readable;
}
