import { AcommError } from "@acomm/protocol";
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import { isBorrowing, takeChunks } from "./chunks.ts";
import { translateNodeError } from "./node-error.ts";
import { catchUpMs } from "./patient-timer.ts";
import { isThenable } from "./thenable.ts";
import { cancelledError, checkTimeoutMs } from "./wait.ts";

/** The byte with which a reader answers the orderly end of a stream (wire 2.2). */
const streamEndByte: Buffer = Buffer.of(0x06);

/** Takes a chunk of a stream. Copy what shall stay: its memory is used again once what this returns has settled. */
export type ChunkHandler = (chunk: Buffer) => Promise<unknown> | undefined | void; // eslint-disable-line @typescript-eslint/no-invalid-void-type -- so that an async function and a plain one are both taken

/** How a {@link StreamReader} reads. */
export interface StreamReaderOptions {
  readonly streamEnd?: "half-close" | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly doing: string;
}

/**
 * Reads raw bytes from a connected byte stream to their end. Where the writer shows its end (`half-close`), the readable
 * ends only if the stream is complete, and fails with `truncated_stream` if it was cut.
 */
export class StreamReader extends Readable {
  readonly #source: Readable | Duplex;
  readonly #options: StreamReaderOptions;
  readonly #idleTimeoutMs: number;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Whether the time is over, and the timer waits for what came while this process was held up. */
  #isOverdue = false;
  #bytes = 0;
  /** What came before anybody read. */
  #held: Buffer | undefined;
  #onFirst: (() => void) | undefined;
  #take: ChunkHandler | undefined;
  #isComplete = false;
  readonly #onAbort = (): void => {
    const { signal, doing } = this.#options;
    if (signal !== undefined) this.destroy(cancelledError(doing, signal));
  };

  constructor(source: Readable | Duplex, options: StreamReaderOptions) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#options = options;
    this.#idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
    source.pause();
    takeChunks(source, (chunk) => this.#onChunk(chunk));
    source.on("end", () => { this.#onEnd(); });
    source.on("error", (error) => { this.#fail(error); });
    source.on("close", () => {
      if (!this.readableEnded && !this.destroyed && !source.readableEnded) this.#fail(undefined);
    });
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** How many bytes have come. */
  get byteCount(): number {
    return this.#bytes;
  }

  /** Whether nobody has begun to read, so that {@link lend} may. */
  get isUntouched(): boolean {
    return this.#take === undefined && this.readableFlowing === null && !this.readableDidRead && this.listenerCount("readable") === 0 && !this.destroyed;
  }

  /**
   * Gives each chunk to `take` instead of to whoever reads; resolves at the end. The chunk's memory is used again as soon as
   * what `take` returns has settled, which is how no byte of a stream is copied on its way through.
   *
   * @throws `truncated_stream`, `timeout`, `cancelled`; else what `take` throws
   */
  lend(take: ChunkHandler): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.destroyed) throw this.#givenUp();
      this.once("error", reject);
      this.once("end", resolve);
      this.once("close", () => { reject(this.#givenUp()); });
      this.#take = take;
      if (this.#isComplete) this.resume();
      else this.#goOn();
    });
  }

  /** Waits until the first bytes are here, or the end; they stay for whoever reads or lends then. */
  async firstBytes(): Promise<void> {
    if (this.#held !== undefined || this.#isComplete) return;
    if (this.destroyed) throw this.#givenUp();
    await new Promise<void>((resolve, reject) => {
      const settle = (then: () => void) => (): void => {
        this.#onFirst = undefined;
        this.off("close", closed);
        then();
      };
      const closed = settle(() => { reject(this.#givenUp()); });
      this.#onFirst = settle(resolve);
      this.once("close", closed);
      this.once("error", () => undefined); // it is told by the close
      this.#resumeSource();
    });
  }

  override _read(): void {
    if (this.#source.readableEnded || this.#source.destroyed) return;
    this.#goOn();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#source.destroy();
    done(error);
  }

  /** Passes on what is held, then reads. */
  #goOn(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined || this.#pass(held)) this.#resumeSource();
  }

  #resumeSource(): void {
    this.#armIdleTimer();
    this.#source.resume();
  }

  /** False when no more is wanted for now. */
  #onChunk(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    let wantsMore = false;
    if (this.#onFirst === undefined) {
      wantsMore = this.#pass(chunk);
    } else {
      this.#held = chunk; // nothing is read over it before it is passed on
      this.#onFirst();
    }
    if (wantsMore) this.#armIdleTimer();
    else {
      clearTimeout(this.#idleTimer); // now it is the consumer who is slow
      this.#idleTimer = undefined;
    }
    return wantsMore;
  }

  #pass(chunk: Buffer): boolean {
    if (this.#take === undefined) return this.push(isBorrowing(this.#source) ? Buffer.from(chunk) : chunk);
    try {
      const taken = this.#take(chunk);
      if (!isThenable(taken)) return !this.destroyed; // what it returns without a reason is not waited for
      taken.then(
        () => {
          if (!this.destroyed) this.#resumeSource();
        },
        (error: unknown) => { this.destroy(error as Error); },
      );
    } catch (error) {
      this.destroy(error as Error);
    }
    return false;
  }

  #armIdleTimer(): void {
    if (this.#idleTimer !== undefined && !this.#isOverdue) {
      this.#idleTimer.refresh();
      return;
    }
    clearTimeout(this.#idleTimer);
    this.#isOverdue = false;
    this.#idleTimer = setTimeout(() => {
      this.#isOverdue = true;
      this.#idleTimer = setTimeout(() => {
        this.destroy(new AcommError("timeout", `${this.#options.doing}: silent for ${this.#idleTimeoutMs} ms, after ${this.#bytes} bytes`));
      }, catchUpMs);
    }, this.#idleTimeoutMs);
  }

  #onEnd(): void {
    clearTimeout(this.#idleTimer);
    const source = this.#source;
    if (this.#options.streamEnd === undefined || !("write" in source)) {
      this.#complete();
      source.destroy();
      return;
    }
    // only a writer that is alive and has finished can take this byte
    source.write(streamEndByte, (error) => {
      if (error != null) {
        this.#fail(error);
        return;
      }
      this.#complete();
      source.end(() => { source.destroy(); });
    });
  }

  #givenUp(): Error {
    return this.errored ?? new AcommError("truncated_stream", `${this.#options.doing}: given up after ${this.#bytes} bytes`);
  }

  #complete(): void {
    this.#isComplete = true;
    this.push(null);
    if (this.#take !== undefined) this.resume(); // nobody reads: the end must come by itself
    this.#onFirst?.();
  }

  #fail(cause: Error | undefined): void {
    const { doing } = this.#options;
    const why = cause === undefined ? "" : ` (${translateNodeError(cause, "read").message})`;
    this.destroy(new AcommError("truncated_stream", `${doing}: cut short after ${this.#bytes} bytes${why}`, { cause }));
  }
}
