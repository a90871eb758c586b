import { Readable, Writable } from "node:stream";

/** Gives one buffer again and again, so that making the bytes costs nothing. */
export class Source extends Readable {
  readonly #chunk: Buffer;
  #left: number;

  constructor({ bytes, chunkBytes }: { readonly bytes: number; readonly chunkBytes: number }) {
    super();
    this.#chunk = Buffer.alloc(chunkBytes, "a");
    this.#left = bytes;
  }

  override _read(): void {
    if (this.#left === 0) {
      this.push(null);
      return;
    }
    const chunk = this.#left < this.#chunk.length ? this.#chunk.subarray(0, this.#left) : this.#chunk;
    this.#left -= chunk.length;
    this.push(chunk);
  }
}

/** Counts what it takes and forgets it. */
export class Sink extends Writable {
  bytes = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytes += chunk.length;
    done();
  }
}
