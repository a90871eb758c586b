import { AcommError, decodeErrorText, encodeRequest, encodeResponse, parseUrl } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import { createRegistry } from "./registry.ts";
import type { TransportRegistry } from "./registry.ts";
import type { WaitOptions } from "./transport.ts";

/** What {@link send} and {@link respond} take. */
export interface SendOptions extends WaitOptions {
  /** Whose transports and kept connections are used. @default one connection for this message */
  readonly registry?: TransportRegistry | undefined;
  /** Connect, send and acknowledgement together. @default 10 000 */
  readonly timeoutMs?: number | undefined;
}

/**
 * Sends a message and waits for its acknowledgement; the seed's `Send`.
 *
 * @throws the receiver's refusal; `unavailable`, `ambiguous`, `timeout`, `cancelled`, `overloaded`, `bad_field`, `unknown_scheme`,
 * `frame_too_large`
 */
export async function send(url: string | URL, message: Request | Response, options: SendOptions = {}): Promise<void> {
  const { signal, timeoutMs = 10_000 } = options;
  const target = parseUrl(url);
  const text = "task" in message ? encodeRequest(message) : encodeResponse(message);
  const registry = options.registry ?? createRegistry();
  try {
    const ack = await registry.lookup(target).send(target, text, { signal, timeoutMs });
    if (ack.error !== "") throw decodeErrorText(ack.error);
  } finally {
    if (options.registry === undefined) await registry.close();
  }
}

/**
 * Sends a response to its request's hook; the seed's `Request.Respond`. Where the request came from outside, {@link checkTarget}
 * first.
 *
 * @throws `undeliverable` without a hook; as {@link send}
 */
export async function respond(request: Request, response: Response, options: SendOptions = {}): Promise<void> {
  if (request.responseHook === null) throw new AcommError("undeliverable", `request ${JSON.stringify(request.id)} names no response hook`);
  if (response.id !== request.id) throw new AcommError("unknown_id", `the response answers ${JSON.stringify(response.id)}, not ${JSON.stringify(request.id)}`);
  await send(request.responseHook, response, options);
}
