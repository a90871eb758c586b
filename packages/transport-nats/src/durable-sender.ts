import { AcommError, parseJson } from "@acomm/protocol";
import { delay } from "@acomm/transport";
import type { OutgoingMessage } from "@acomm/transport";
import { jetstream } from "@nats-io/jetstream";
import { errors, headers as createHeaders } from "@nats-io/transport-node";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Link } from "./link.ts";
import { isNoResponders, translateNatsError } from "./nats-error.ts";
import { requestHeaders } from "./request-headers.ts";
import { readAsks } from "./sent-text.ts";
import { storedPrefix } from "./store.ts";

/** What a {@link DurableSender} works with. */
export interface DurableSenderInit {
  readonly link: Link;
  readonly maxFrameBytes: number;
  /** How long the server may take to say that a message is stored, in milliseconds; then it is sent again. */
  readonly ackTimeoutMs: number;
  /** How long messages wait for a server that is gone, in milliseconds. */
  readonly reconnectTimeoutMs: number;
}

/** How long to wait before what may not have been stored is sent again, in milliseconds. */
const againMs = 50;
const headerBytes = 1024;

/** Sends messages to be stored: accepted means stored. What is in doubt is sent again, since the server knows its id. */
export class DurableSender {
  readonly #init: DurableSenderInit;
  readonly #stopped = new AbortController();

  constructor(init: DurableSenderInit) {
    this.#init = init;
  }

  /** Stores a message. @throws `unavailable` where no listener has made a store, `frame_too_large`, `stopping` */
  async send(subject: string, text: string, signal?: AbortSignal): Promise<void> {
    const { link, ackTimeoutMs, reconnectTimeoutMs } = this.#init;
    const doing = `send to the durable ${subject}`;
    const payload = Buffer.from(text);
    const either = signal === undefined ? this.#stopped.signal : AbortSignal.any([signal, this.#stopped.signal]);
    let waitingSince = performance.now();
    for (;;) {
      if (this.#stopped.signal.aborted) throw this.#stopped.signal.reason as AcommError;
      const connection = await link.open();
      if (payload.length > Math.min(link.maxPayloadBytes - headerBytes, this.#init.maxFrameBytes)) throw new AcommError("frame_too_large", `${doing}: the message has ${payload.length} bytes, the server stores ${link.maxPayloadBytes - headerBytes}: send the data as a stream`);
      if (link.isUp) {
        waitingSince = performance.now();
        try {
          const id = nameOf(text);
          const fields: MsgHdrs | undefined = requestHeaders(readAsks(text));
          await jetstream(connection).publish(storedPrefix + subject, payload, { timeout: ackTimeoutMs, headers: fields ?? createHeaders(), ...(id === undefined ? undefined : { msgID: id }) });
          return;
        } catch (error) {
          if (isNoResponders(error)) throw new AcommError("unavailable", `${doing}: no durable listener was ever there`, { cause: error });
          if (!isInDoubt(error)) throw translateNatsError(error, doing);
        }
      } else if (performance.now() - waitingSince > reconnectTimeoutMs) {
        throw new AcommError("unavailable", `${doing}: no connection to the server for ${reconnectTimeoutMs} ms`);
      }
      await delay(againMs, either);
    }
  }

  /** Sends a call, whose answer comes to the hook that it names. */
  call(subject: string, message: OutgoingMessage): void {
    let text: string;
    try {
      text = message.encode(undefined);
    } catch (error) {
      message.failed(error as AcommError);
      return;
    }
    const given = new AbortController();
    message.carrier = { forget: () => { given.abort(); } };
    this.send(subject, text, given.signal).then(
      () => { if (!message.isSettled) message.accepted(false); },
      (error: unknown) => { if (!message.isSettled) message.failed(error as AcommError); },
    );
  }

  close(error: AcommError): void {
    this.#stopped.abort(error);
  }
}

/** Under which name the server knows it again: a request by its id, a response by that of its request; progress is no two times the same. */
function nameOf(text: string): string | undefined {
  try {
    const { id, task, ext } = parseJson(text) as { readonly id?: unknown; readonly task?: unknown; readonly ext?: { readonly progress?: unknown } | null };
    if (typeof id !== "string" || (ext?.progress !== undefined && task === undefined)) return undefined;
    return encodeURIComponent(task === undefined ? `${id}:response` : id);
  } catch {
    return undefined; // whoever reads it says what is wrong with it
  }
}

/** Whether it may be stored all the same, or can be once the way is back. */
function isInDoubt(error: unknown): boolean {
  return error instanceof errors.TimeoutError || error instanceof errors.ConnectionError || error instanceof errors.ClosedConnectionError || error instanceof errors.RequestError;
}
