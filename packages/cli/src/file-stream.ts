import { stream } from "@acomm/transport";
import type { TransportRegistry } from "@acomm/transport";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Output } from "./output.ts";
import type { ProgressLine } from "./progress.ts";
import { UsageError } from "./usage-error.ts";

/** How long a transfer lasts before a terminal shows how far it is, in milliseconds. */
const patienceMs = 300;

/** Counts bytes as they pass, and shows that on a terminal where it takes long. */
class TransferMeter {
  readonly #startedAt = performance.now();
  readonly #name: string;
  readonly #totalBytes: number | undefined;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #line: ProgressLine | undefined;
  #describe: ((bytes: number, elapsedMs: number) => string) | undefined;

  constructor(output: Output, name: string, totalBytes?: number) {
    this.#name = name;
    this.#totalBytes = totalBytes;
    if (output.isNotesTerminal) this.#timer = setTimeout(() => void this.#show(), patienceMs).unref();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#line !== undefined) this.#line.update(this.#describe?.(this.#bytes, performance.now() - this.#startedAt) ?? "");
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#line?.stop();
    this.#line = undefined;
  }

  async #show(): Promise<void> {
    const { describeBytes, startProgressLine } = await import("./progress.ts");
    if (this.#timer === undefined) return;
    this.#describe = (bytes, elapsedMs) => describeBytes(this.#name, bytes, this.#totalBytes, elapsedMs);
    this.#line = startProgressLine(process.stderr);
    this.add(0);
  }
}

/** The bytes of a file or of standard input, to be sent. */
export interface OutgoingFile {
  /** Opens it when the reader comes. */
  readonly open: () => AsyncIterable<Buffer>;
  /** Resolves once nobody reads any more; at once where nobody has begun. */
  done(): Promise<void>;
}

/** @param path a file, or `-` for standard input. @throws UsageError where it can't be read */
export async function openOutgoingFile(path: string, output: Output): Promise<OutgoingFile> {
  const stats = path === "-" ? undefined : await stat(path).catch((error: unknown) => error as NodeJS.ErrnoException);
  if (stats instanceof Error) throw new UsageError(`--stream-in can't be read (${stats.code ?? "unknown reason"}): ${path}`);
  if (stats?.isDirectory() === true) throw new UsageError(`--stream-in must be a file, and is a directory: ${path}`);
  let reading: Promise<void> | undefined;
  const read = async function* (source: Readable): AsyncGenerator<Buffer> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    reading = promise.then(() => undefined);
    const meter = new TransferMeter(output, path === "-" ? "stdin" : basename(path), stats?.isFile() === true ? stats.size : undefined);
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        yield chunk;
        meter.add(chunk.length);
      }
    } finally {
      meter.stop();
      source.destroy();
      resolve(undefined);
    }
  };
  return { open: () => read(path === "-" ? process.stdin : createReadStream(path)), done: () => reading ?? Promise.resolve() };
}

/**
 * Copies a stream into a file, which appears under its name when it is whole, or to standard output.
 *
 * @param path a file, or `-`
 * @returns how many bytes
 * @throws UsageError where the file can't be written, AcommError as `stream`
 */
export async function saveStream(url: string | URL, path: string, options: { readonly output: Output; readonly signal: AbortSignal; readonly idleTimeoutMs?: number | undefined; readonly registry?: TransportRegistry | undefined }): Promise<number> {
  const { output, signal, idleTimeoutMs, registry } = options;
  const meter = new TransferMeter(output, path === "-" ? "stream" : basename(path));
  const copy = (destination: Writable): Promise<number> =>
    stream(async (chunk) => {
      meter.add(chunk.length);
      await write(destination, chunk, signal);
    }, url, { signal, idleTimeoutMs, registry });
  try {
    if (path === "-") return await copy(process.stdout);
    const isReplaced = await stat(path).then((stats) => stats.isFile(), (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT");
    const partial = isReplaced ? `${path}.${process.pid}.part` : path; // a device or a pipe is written to as it is
    const destination = createWriteStream(partial, { flags: isReplaced ? "wx" : "w" });
    try {
      await opened(destination, path);
      const bytes = await copy(destination);
      destination.end();
      await finished(destination);
      if (isReplaced) await rename(partial, path);
      return bytes;
    } catch (error) {
      destination.destroy();
      if (isReplaced) await rm(partial, { force: true });
      throw error;
    }
  } finally {
    meter.stop();
  }
}

function opened(destination: Writable, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    destination.once("open", () => { resolve(); });
    destination.once("error", (error: NodeJS.ErrnoException) => { reject(new UsageError(`--stream-out can't be written (${error.code ?? "unknown reason"}): ${path}`)); });
  });
}

/** Writes a chunk whose memory is used again afterwards; settles once it is out, or the wait is given up. */
function write(destination: Writable, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(signal.reason as Error); };
    signal.addEventListener("abort", onAbort, { once: true });
    destination.write(chunk, (error) => {
      signal.removeEventListener("abort", onAbort);
      if (error == null) resolve();
      else reject(error);
    });
  });
}
