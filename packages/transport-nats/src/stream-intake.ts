import { AcommError } from "@acomm/protocol";
import { cancelledError } from "@acomm/transport";
import { Readable } from "node:stream";
import { encodeControl } from "./control.ts";
import type { Control } from "./control.ts";
import type { Link } from "./link.ts";
import { lookAfterMs } from "./stream-outlet.ts";

/** What a {@link StreamIntake} works with. */
export interface StreamIntakeInit {
  readonly link: Link;
  /** That of the stream. */
  readonly subject: string;
  /** Where its parts shall come. */
  readonly ownSubject: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly doing: string;
}

/** How much may be on its way, in bytes. */
const windowBytes = 256 * 1024;
/** After how much was read the writer hears of it, in bytes. */
const creditBytes = windowBytes / 4;

const nothing = Buffer.alloc(0);

/**
 * Reads a stream that comes in parts. It ends only if every part has come in its order and the end says that these were all, and
 * fails with `truncated_stream` else.
 */
export class StreamIntake extends Readable {
  /** Resolves when the writer has said that it is there. */
  readonly opened: Promise<undefined>;
  readonly #init: StreamIntakeInit;
  readonly #parts: Buffer[] = [];
  #receivedBytes = 0;
  #readBytes = 0;
  #toldBytes = 0;
  #isWanted = false;
  #isOpened = false;
  #hasEnded = false;
  #openTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  readonly #gate: PromiseWithResolvers<undefined>;
  readonly #onAbort = (): void => {
    const { signal, doing } = this.#init;
    if (signal !== undefined) this.destroy(cancelledError(doing, signal));
  };

  constructor(init: StreamIntakeInit) {
    super({ highWaterMark: 64 * 1024 });
    this.#init = init;
    const { link, subject, ownSubject, signal, timeoutMs, doing } = init;
    this.#gate = Promise.withResolvers<undefined>();
    this.opened = this.#gate.promise;
    this.opened.catch(() => undefined); // it is told by the stream as well
    signal?.addEventListener("abort", this.#onAbort);
    this.#openTimer = setTimeout(() => { this.destroy(new AcommError("timeout", `${doing}: nobody said that it is there within ${timeoutMs} ms`)); }, timeoutMs);
    this.#lookTimer = setInterval(() => { this.#tellRead(); }, lookAfterMs);
    try {
      link.publish(subject, nothing, { reply: ownSubject, headers: encodeControl({ word: "open", bytes: windowBytes }) });
    } catch (error) {
      queueMicrotask(() => { this.destroy(error as AcommError); });
    }
  }

  /** Takes what the writer says. */
  hear({ word, bytes }: Control, data: Uint8Array): void {
    if (this.destroyed) return;
    const { doing } = this.#init;
    switch (word) {
      case "opened":
        this.#isOpened = true;
        clearTimeout(this.#openTimer);
        this.#gate.resolve(undefined);
        break;
      case "part":
        this.#takePart(bytes, data);
        break;
      case "end":
        if (bytes !== this.#receivedBytes) this.#cut(`it ends after ${bytes ?? 0} bytes`);
        else this.#end();
        break;
      case "none":
        this.destroy(new AcommError("unavailable", `${doing}: nobody serves it any more`));
        break;
      case "bye":
        if (this.#isOpened) this.#cut("its writer is gone");
        else this.destroy(new AcommError("unavailable", `${doing}: nobody serves it`));
        break;
      case "cut":
        this.#cut("its writer gave it up");
        break;
      default: // "alive" wants no answer: the server says it where nobody is here
    }
  }

  linkDown(): void {
    if (!this.#hasEnded) this.#cut("the connection to the server broke off");
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#goOn()) this.#armIdleTimer();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { link, subject, ownSubject, signal, doing } = this.#init;
    clearTimeout(this.#openTimer);
    clearTimeout(this.#idleTimer);
    clearInterval(this.#lookTimer);
    signal?.removeEventListener("abort", this.#onAbort);
    if (!this.#hasEnded) link.tell(subject, nothing, { reply: ownSubject, headers: encodeControl({ word: "cut" }) });
    this.#gate.reject(error ?? new AcommError("truncated_stream", `${doing}: given up before it was opened`));
    done(error);
  }

  #takePart(at: number | undefined, data: Uint8Array): void {
    if (at !== this.#receivedBytes) {
      this.#cut(`a part is missing: what came begins at ${at ?? 0}`);
      return;
    }
    this.#receivedBytes += data.length;
    this.#parts.push(Buffer.from(data.buffer, data.byteOffset, data.length));
    this.#goOn();
  }

  /** Passes on what is here, as far as it is wanted; true where more is. */
  #goOn(): boolean {
    while (this.#isWanted && this.#parts.length > 0) {
      const part = this.#parts.shift() ?? nothing;
      this.#readBytes += part.length;
      this.#isWanted = this.push(part);
    }
    if (this.#isWanted && this.#hasEnded) this.#isWanted = this.push(null);
    if (!this.#isWanted || this.#hasEnded) {
      clearTimeout(this.#idleTimer); // now it is the consumer who is slow
      this.#idleTimer = undefined;
    } else {
      this.#idleTimer?.refresh();
    }
    if (!this.#hasEnded && this.#readBytes - this.#toldBytes >= creditBytes) this.#tellRead();
    return this.#isWanted;
  }

  /** Lets the writer go on. Where there is none any more, the server says so. */
  #tellRead(): void {
    if (!this.#isOpened || this.#hasEnded) return;
    const { link, subject, ownSubject } = this.#init;
    this.#toldBytes = this.#readBytes;
    link.tell(subject, nothing, { reply: ownSubject, headers: encodeControl({ word: "read", bytes: this.#readBytes + windowBytes }) });
  }

  #end(): void {
    const { link, subject, ownSubject } = this.#init;
    this.#hasEnded = true;
    clearInterval(this.#lookTimer);
    link.tell(subject, nothing, { reply: ownSubject, headers: encodeControl({ word: "done" }) });
    this.#goOn();
  }

  #armIdleTimer(): void {
    const { idleTimeoutMs, doing } = this.#init;
    if (this.#hasEnded) return;
    this.#idleTimer ??= setTimeout(() => { this.destroy(new AcommError("timeout", `${doing}: silent for ${idleTimeoutMs} ms, after ${this.#receivedBytes} bytes`)); }, idleTimeoutMs);
  }

  #cut(why: string): void {
    this.destroy(new AcommError("truncated_stream", `${this.#init.doing}: cut short after ${this.#receivedBytes} bytes (${why})`));
  }
}
