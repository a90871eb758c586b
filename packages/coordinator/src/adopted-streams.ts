import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { openStream, report, serveUnixStream } from "@acomm/transport";
import type { ErrorHook, TransportRegistry, UnixStream } from "@acomm/transport";

/** What {@link AdoptedStreams} work with. */
export interface AdoptedStreamsInit {
  readonly registry: TransportRegistry;
  /** Where their sockets are made. */
  readonly directory: string;
  readonly onError: ErrorHook | undefined;
}

/** Streams from outside that providers read at unix sockets. */
export class AdoptedStreams {
  readonly #init: AdoptedStreamsInit;
  readonly #open = new Set<UnixStream>();

  constructor(init: AdoptedStreamsInit) {
    this.#init = init;
  }

  /** Gives a unix stream; its source is opened when the provider opens that. @throws `bad_address` */
  async adopt(source: AcommUrl): Promise<UnixStream> {
    const { registry, directory, onError } = this.#init;
    const stream = await serveUnixStream(() => openStream(source, { registry }), { directory });
    this.#open.add(stream);
    stream.done
      .catch((error: unknown) => { report(onError, error instanceof AcommError ? error : new AcommError("truncated_stream", "the source of a request's stream failed", { cause: error })); })
      .finally(() => this.#open.delete(stream));
    return stream;
  }

  /** Cuts what is left. */
  async close(): Promise<void> {
    const open = [...this.#open];
    for (const stream of open) stream.cancel();
    await Promise.allSettled(open.map(({ done }) => done));
  }
}
