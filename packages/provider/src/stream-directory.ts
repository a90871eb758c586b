import type { LazyStreamSource, ServedStream, StreamServer } from "@acomm/transport";
import { serveUnixStream } from "@acomm/transport";
import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
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
    for (const name of await namesIn(this.#path)) {
      const path = join(this.#path, name);
      const stats = await lstat(path).catch(() => undefined); // a directory entry of Deno's doesn't say that it is a socket
      if (stats?.isSocket() === true) await unlink(path).catch(() => undefined); // it will be in nobody's way
    }
  }

  async remove(): Promise<void> {
    await rmdir(this.#path).catch(() => undefined); // it was never made, or holds what is not ours
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return []; // it is made with the first stream, which says what is wrong with it
  }
}
