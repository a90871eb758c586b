import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { report, serveUnixStream } from "@acomm/transport";
import type { ErrorHook, StreamSource, UnixStream, UnixStreamOptions } from "@acomm/transport";

/** A source, or what opens it when its reader comes. */
export type LazyStreamSource = StreamSource | (() => StreamSource | Promise<StreamSource>);

/** The streams of a tracker that wait for their readers or are being read. */
export class AdHocStreams {
  readonly #onError: ErrorHook | undefined;
  readonly #open = new Set<UnixStream>();
  #isClosed = false;

  constructor(onError: ErrorHook | undefined) {
    this.#onError = onError;
  }

  /** Serves a source at a socket of its own. @throws AcommError `bad_address`, `bad_field`, `stopping` */
  async create(source: LazyStreamSource, options: UnixStreamOptions): Promise<AcommUrl> {
    const stream = await serveUnixStream(source, options);
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
