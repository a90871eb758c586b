import { AcommError } from "@acomm/protocol";
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import { takeLastingChunks } from "./chunks.ts";
import { translateNodeError } from "./node-error.ts";
import { cancelledError, checkTimeoutMs } from "./wait.ts";

/** The byte with which a reader answers the orderly end of a stream (wire 2.2). */
const streamEndByte: Buffer = Buffer.of(0x06);

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
  #bytes = 0;
  readonly #onAbort = (): void => {
    const { signal, doing } = this.#options;
    if (signal !== undefined) this.destroy(cancelledError(doing, signal));
  };

  constructor(source: Readable | Duplex, options: StreamReaderOptions) {
    super({ highWaterMark: 256 * 1024 });
    this.#source = source;
    this.#options = options;
    this.#idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
    source.pause();
    takeLastingChunks(source, (chunk) => {
      this.#bytes += chunk.length;
      if (this.push(chunk)) this.#armIdleTimer();
      else {
        source.pause();
        clearTimeout(this.#idleTimer); // now it is the consumer who is slow
        this.#idleTimer = undefined;
      }
    });
    source.on("end", () => { this.#onEnd(); });
    source.on("error", (error) => { this.#fail(error); });
    source.on("close", () => {
      if (!this.readableEnded && !this.destroyed && !source.readableEnded) this.#fail(undefined);
    });
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted === true) this.#onAbort();
  }

  override _read(): void {
    if (this.#source.readableEnded || this.#source.destroyed) return;
    this.#armIdleTimer();
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#source.destroy();
    done(error);
  }

  #armIdleTimer(): void {
    if (this.#idleTimer !== undefined) this.#idleTimer.refresh();
    else {
      this.#idleTimer = setTimeout(() => {
        this.destroy(new AcommError("timeout", `${this.#options.doing}: silent for ${this.#idleTimeoutMs} ms, after ${this.#bytes} bytes`));
      }, this.#idleTimeoutMs);
    }
  }

  #onEnd(): void {
    clearTimeout(this.#idleTimer);
    const source = this.#source;
    if (this.#options.streamEnd === undefined || !("write" in source)) {
      this.push(null);
      source.destroy();
      return;
    }
    // only a writer that is alive and has finished can take this byte
    source.write(streamEndByte, (error) => {
      if (error != null) {
        this.#fail(error);
        return;
      }
      this.push(null);
      source.end(() => { source.destroy(); });
    });
  }

  #fail(cause: Error | undefined): void {
    const { doing } = this.#options;
    const why = cause === undefined ? "" : ` (${translateNodeError(cause, "read").message})`;
    this.destroy(new AcommError("truncated_stream", `${doing}: cut short after ${this.#bytes} bytes${why}`, { cause }));
  }
}
