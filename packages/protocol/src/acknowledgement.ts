import { badField, encodeErrorText } from "./acomm-error.ts";
import { kindOf } from "./fields.ts";
import { readExtensions, readMembers } from "./members.ts";
import { readError, responseKeys } from "./response-codec.ts";

/** What a receiver says of a frame before it acts on it. */
export interface Acknowledgement {
  /** Empty where it is accepted, else `code: message`. */
  readonly error: string;
  /** More frames are taken here (wire 2.1). */
  readonly keepAlive: boolean;
  /** Requests may be answered here (wire 2.8). */
  readonly reply: boolean;
  /** Requests that came here may be cancelled here (wire 2.4). */
  readonly cancel: boolean;
}

/** Accepted; more frames are taken on the connection (wire 2.1). */
export const acceptedText = '{"error":"","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true}}' as string;
/** Accepted; more frames, answers (wire 2.8) and cancelling (wire 2.4) are taken on the connection. */
export const acceptedReplyText = '{"error":"","id":"","result":null,"stream_url":null,"ext":{"keepAlive":true,"reply":true,"cancel":true}}' as string;
/** Accepted, and the connection closes, as the original writes it. */
export const acceptedOnceText = '{"error":"","id":"","result":null,"stream_url":null}' as string;

const accepted: Acknowledgement = Object.freeze({ error: "", keepAlive: true, reply: false, cancel: false });
const acceptedReply: Acknowledgement = Object.freeze({ error: "", keepAlive: true, reply: true, cancel: true });
const acceptedOnce: Acknowledgement = Object.freeze({ error: "", keepAlive: false, reply: false, cancel: false });

/** The text that refuses a frame; `keepAlive` where the connection stays usable. */
export function encodeRefusal(error: unknown, options: { readonly keepAlive: boolean }): string {
  return `{"error":${JSON.stringify(encodeErrorText(error))},"id":"","result":null,"stream_url":null${options.keepAlive ? ',"ext":{"keepAlive":true}' : ""}}`;
}

/** Reads an acknowledgement. @throws `bad_json`, `bad_field` */
export function decodeAcknowledgement(message: string | Uint8Array): Acknowledgement {
  if (message === acceptedText) return accepted;
  if (message === acceptedReplyText) return acceptedReply;
  if (message === acceptedOnceText) return acceptedOnce;
  const members = readMembers(message, responseKeys);
  const id = members.get("id")?.value ?? "";
  if (typeof id !== "string") throw badField(`id must be a string, but is ${kindOf(id)}`);
  const ext = readExtensions(members);
  const keepAlive = ext?.["keepAlive"] === true;
  return { error: readError(members.get("error")?.value), keepAlive, reply: keepAlive && ext["reply"] === true, cancel: keepAlive && ext["cancel"] === true };
}

const answerTail = ',"ext":{"reply":true}}';

/** Whether a frame is an answer (wire 2.8), not an acknowledgement. @throws `bad_json`, `bad_field` where it can't be read */
export function isAnswer(text: string): boolean {
  if (text === acceptedText || text === acceptedReplyText) return false;
  if (text.endsWith(answerTail)) return true;
  if (!text.includes('"reply"') && !text.includes("\\u")) return false; // a key may be escaped
  const ext = readExtensions(readMembers(text, responseKeys));
  return ext?.["reply"] === true && ext["keepAlive"] !== true;
}
