import { AcommError } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import type { LazyStreamSource } from "@acomm/tracker";
import { report, serveUnixStream } from "@acomm/transport";
import type { CutWork, ErrorHook, UnixStream } from "@acomm/transport";
import { readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** The streams of a provider that wait for their readers or are being read. */
export class TaskStreams {
  readonly #directory: string;
  readonly #onError: ErrorHook | undefined;
  readonly #open = new Map<UnixStream, Omit<CutWork, "ageMs"> & { readonly startedAt: number }>();

  #isClosed = false;

  /** @param directory this provider's own */
  constructor(directory: string, onError: ErrorHook | undefined) {
    this.#directory = directory;
    this.#onError = onError;
  }

  /** Removes the sockets that a killed process of the same name has left. */
  async sweep(): Promise<void> {
    for (const entry of await entriesOf(this.#directory)) {
      if (entry.isSocket()) await unlink(join(this.#directory, entry.name)).catch(() => undefined); // it will be in nobody's way
    }
  }

  /** Serves a source to one reader, as part of the answer to a request. @throws AcommError `bad_address`, `stopping` */
  async serve(source: LazyStreamSource, { id, task }: Pick<Request, "id" | "task">): Promise<UnixStream> {
    const stream = await serveUnixStream(source, { directory: this.#directory });
    this.#open.set(stream, { id, task, startedAt: performance.now() });
    stream.done
      .catch((error: unknown) => { this.#report(error, task); })
      .finally(() => this.#open.delete(stream));
    if (this.#isClosed) {
      stream.cancel();
      throw new AcommError("stopping", "the provider has stopped: it serves no more streams");
    }
    return stream;
  }

  /** What is to be waited for before a stop. */
  done(): Promise<void>[] {
    return [...this.#open.keys()].map((stream) => stream.done);
  }

  /** Cuts what is left, and says which requests it belonged to. */
  async close(): Promise<CutWork[]> {
    this.#isClosed = true;
    const now = performance.now();
    const open = [...this.#open];
    for (const [stream] of open) stream.cancel();
    await Promise.allSettled(open.map(([stream]) => stream.done));
    await rmdir(this.#directory).catch(() => undefined); // it was never made, or holds what is not ours
    return open.map(([, { id, task, startedAt }]) => ({ id, task, ageMs: now - startedAt }));
  }

  #report(error: unknown, task: string): void {
    if (error instanceof AcommError && error.code === "cancelled") return; // taken back, or cut by a stop that says so
    report(this.#onError, error instanceof AcommError ? error : new AcommError("truncated_stream", `the source of a stream of ${task} failed`, { cause: error }));
  }
}

async function entriesOf(directory: string): Promise<{ readonly name: string; isSocket(): boolean }[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch {
    return []; // it is made with the first stream, which says what is wrong with it
  }
}
