import type { LazyStreamSource, ServedStream, StreamServer } from "@acomm/transport";
import { serveUnixStream } from "@acomm/transport";
import { readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Serves the streams of a provider at sockets in a directory of its own. */
export class StreamDirectory implements StreamServer {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  serveStream(source: LazyStreamSource): Promise<ServedStream> {
    return serveUnixStream(source, { directory: this.#path });
  }

  /** Removes the sockets that a killed process of the same name has left. */
  async sweep(): Promise<void> {
    for (const entry of await entriesOf(this.#path)) {
      if (entry.isSocket()) await unlink(join(this.#path, entry.name)).catch(() => undefined); // it will be in nobody's way
    }
  }

  async remove(): Promise<void> {
    await rmdir(this.#path).catch(() => undefined); // it was never made, or holds what is not ours
  }
}

async function entriesOf(directory: string): Promise<{ readonly name: string; isSocket(): boolean }[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch {
    return []; // it is made with the first stream, which says what is wrong with it
  }
}
