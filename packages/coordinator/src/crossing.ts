import { AcommError, createResponse } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { openStream } from "@acomm/transport";
import type { ServedStream, ServiceNetwork, TransportRegistry } from "@acomm/transport";
import type { AdoptedStreams } from "./adopted-streams.ts";

/** What a {@link Crossing} works with. */
export interface CrossingInit {
  readonly network: ServiceNetwork;
  readonly registry: TransportRegistry;
  /** Where streams from the network are read on this machine. */
  readonly streams: AdoptedStreams;
}

/** The border between the sockets of this machine and a network: who is on the other side can't open what is here. */
export class Crossing {
  readonly #init: CrossingInit;

  constructor(init: CrossingInit) {
    this.#init = init;
  }

  /** Sends a request to the other side and gives its response, each with a stream that can be read where it goes. @throws what `forward` throws */
  async over(request: Request, forward: (request: Request) => Promise<Response>): Promise<Response> {
    const stream = await this.#lend(request);
    let response: Response | undefined;
    try {
      // the provider answers the coordinator, which answers the hook
      response = await forward({ ...request, responseHook: null, streamUrl: stream?.url ?? request.streamUrl });
      return (response = await this.#adopt(response));
    } finally {
      if (response?.error !== "") stream?.cancel(); // nobody is going to read it
    }
  }

  /** A stream of this machine, served on the network: it is opened when somebody reads it there. */
  async #lend({ streamUrl }: Request): Promise<ServedStream | undefined> {
    const { network, registry } = this.#init;
    if (streamUrl?.protocol !== "unix:") return undefined;
    const stream = await network.serveStream(() => openStream(streamUrl, { registry }));
    stream.done.catch(() => undefined); // whoever reads it sees that it is cut
    return stream;
  }

  async #adopt(response: Response): Promise<Response> {
    const { network, streams } = this.#init;
    const { streamUrl } = response;
    if (streamUrl === null) return response;
    if (network.transport.schemes.includes(streamUrl.protocol.slice(0, -1))) return { ...response, streamUrl: (await streams.adopt(streamUrl)).url };
    if (streamUrl.protocol !== "unix:") return response;
    // a socket of that machine means something else here
    return createResponse(response, { error: new AcommError("undeliverable", "the stream of the answer is a unix socket of another machine: give its source to stream() of the task, or to serveStream() of the network") });
  }
}
