import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { report } from "@acomm/transport";
import type { ErrorHook, ServedStream } from "@acomm/transport";

/** The streams of a tracker that wait for their readers or are being read. */
export class AdHocStreams {
  readonly #onError: ErrorHook | undefined;
  readonly #open = new Set<ServedStream>();
  #isClosed = false;

  constructor(onError: ErrorHook | undefined) {
    this.#onError = onError;
  }

  /** Takes a stream that is about to be served, and gives its URL. @throws `stopping`; else what serving it failed with */
  async add(serving: Promise<ServedStream>): Promise<AcommUrl> {
    const stream = await serving;
    this.#open.add(stream);
    stream.done
      .catch((error: unknown) => { report(this.#onError, error instanceof AcommError ? error : new AcommError("truncated_stream", "the source of a stream failed", { cause: error })); })
      .finally(() => this.#open.delete(stream));
    if (this.#isClosed) {
      stream.cancel();
      throw new AcommError("stopping", "the tracker is stopping: it serves no more streams");
    }
    return stream.url;
  }

  /** What is to be waited for before a stop. */
  done(): Promise<void>[] {
    return [...this.#open].map((stream) => stream.done);
  }

  /** Cuts what is left and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#open];
    for (const stream of open) stream.cancel();
    await Promise.allSettled(open.map((stream) => stream.done));
  }
}
