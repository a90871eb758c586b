import { createResponse } from "@acomm/protocol";
import type { AcommError, AcommUrl, Request, Response } from "@acomm/protocol";
import { checkTarget, deliverResponse, report } from "@acomm/transport";
import type { ErrorHook, TargetPolicy, TransportRegistry } from "@acomm/transport";

/** What a {@link ResponseForwarder} works with. */
export interface ResponseForwarderInit {
  readonly registry: TransportRegistry;
  /** Which hooks and streams may be opened. */
  readonly admit: TargetPolicy;
  /** How long a hook where nobody listens is tried, in milliseconds. */
  readonly hookTimeoutMs: number;
  /** Gives the URL at which a unix stream can be read from outside. */
  readonly sign: (url: AcommUrl) => AcommUrl;
  readonly onError: ErrorHook | undefined;
}

/** Sends the answers to proxied requests on to where these came from. */
export class ResponseForwarder {
  readonly #init: ResponseForwarderInit;
  readonly #underWay = new Set<Promise<void>>();

  constructor(init: ResponseForwarderInit) {
    this.#init = init;
  }

  /** Forwards a response; what goes wrong is reported. */
  forward(original: Request, response: Response): void {
    const delivery = this.#forward(original, response).finally(() => this.#underWay.delete(delivery));
    this.#underWay.add(delivery);
  }

  /** What is to be waited for before a stop. */
  done(): Promise<void>[] {
    return [...this.#underWay];
  }

  async #forward(original: Request, response: Response): Promise<void> {
    const { registry, admit, hookTimeoutMs, sign, onError } = this.#init;
    let forwarded = response;
    try {
      const { streamUrl } = response;
      if (streamUrl?.protocol === "unix:") {
        await checkTarget(admit, streamUrl, "stream");
        forwarded = { ...response, streamUrl: sign(streamUrl) };
      }
    } catch (error) {
      report(onError, error as AcommError);
      forwarded = createResponse(original, { error });
    }
    try {
      await deliverResponse(original, forwarded, { registry, admit, timeoutMs: hookTimeoutMs });
    } catch (error) {
      report(onError, error as AcommError);
    }
  }
}
