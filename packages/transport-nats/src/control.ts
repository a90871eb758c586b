import { headers } from "@nats-io/transport-node";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";

/**
 * What peers say to one another beside messages: an empty payload, or a part of a stream, with the word in this header. The other
 * headers belong to it.
 */
const wordHeader = "Acomm";
/** How many bytes were sent before, were read so far, or are to come in all. */
const bytesHeader = "Acomm-Bytes";
/** The subject of a stream. */
const streamHeader = "Acomm-Stream";

/** The words; what each means stands where it is said. */
type ControlWord = "alive" | "which" | "bye" | "long" | "open" | "opened" | "none" | "part" | "read" | "end" | "done" | "cut";

/** A word with what belongs to it. */
export interface Control {
  readonly word: ControlWord;
  readonly bytes?: number;
  readonly stream?: string;
}

/** The headers that say a word. */
export function encodeControl({ word, bytes, stream }: Control): MsgHdrs {
  const fields = headers();
  fields.set(wordHeader, word);
  if (bytes !== undefined) fields.set(bytesHeader, String(bytes));
  if (stream !== undefined) fields.set(streamHeader, stream);
  return fields;
}

/** The word that a message says, undefined where it says none. */
export function decodeControl(message: Msg): Control | undefined {
  const fields = message.headers;
  if (fields?.has(wordHeader) !== true) return undefined;
  const bytes = fields.has(bytesHeader) ? Number(fields.get(bytesHeader)) : undefined;
  const stream = fields.has(streamHeader) ? fields.get(streamHeader) : undefined;
  return {
    word: fields.get(wordHeader) as ControlWord,
    ...(bytes !== undefined && Number.isSafeInteger(bytes) && bytes >= 0 ? { bytes } : undefined),
    ...(stream === undefined ? undefined : { stream }),
  };
}

/** Whether the server says that nobody listens at the subject that was sent to. */
export function isNobodyThere(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}

/**
 * The subject that a message wants to be replied to; empty where it names none, or one of the server's own: whoever sends it may not
 * have the rights of whoever replies.
 */
export function replyOf(message: Msg): string {
  const reply = message.reply ?? "";
  return reply.startsWith("$") ? "" : reply;
}
