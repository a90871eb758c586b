import { AcommError } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import type { LazyStreamSource } from "@acomm/tracker";
import { report } from "@acomm/transport";
import type { CutWork, ErrorHook, ServedStream, StreamServer } from "@acomm/transport";

/** The streams of a provider that wait for their readers or are being read. */
export class TaskStreams {
  readonly #onError: ErrorHook | undefined;
  readonly #open = new Map<ServedStream, Omit<CutWork, "ageMs"> & { readonly startedAt: number }>();
  #isClosed = false;

  constructor(onError: ErrorHook | undefined) {
    this.#onError = onError;
  }

  /** Serves a source to one reader, as part of the answer to a request. @throws `bad_address`, `unavailable`, `stopping` */
  async serve(server: StreamServer, source: LazyStreamSource, { id, task }: Pick<Request, "id" | "task">): Promise<ServedStream> {
    const stream = await server.serveStream(source);
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
    return open.map(([, { id, task, startedAt }]) => ({ id, task, ageMs: now - startedAt }));
  }

  #report(error: unknown, task: string): void {
    if (error instanceof AcommError && error.code === "cancelled") return; // taken back, or cut by a stop that says so
    report(this.#onError, error instanceof AcommError ? error : new AcommError("truncated_stream", `the source of a stream of ${task} failed`, { cause: error }));
  }
}
