/** Every code of an {@link AcommError}. They are stable, and the first word of an error text on the wire. */
export const acommErrorCodes = [
  "bad_frame",
  "frame_too_large",
  "bad_json",
  "bad_field",
  "bad_address",
  "unknown_scheme",
  "unknown_task",
  "unknown_id",
  "duplicate_id",
  "timeout",
  "cancelled",
  "unavailable",
  "ambiguous",
  "overloaded",
  "forbidden_target",
  "undeliverable",
  "truncated_stream",
  "stopping",
  "remote",
] as const;

/** One of {@link acommErrorCodes}. */
export type AcommErrorCode = (typeof acommErrorCodes)[number];

/** What an {@link AcommError} takes beside code and message. */
export interface AcommErrorOptions {
  /** The error below it. Causes that are AcommErrors cross the wire, by code and message. */
  readonly cause?: unknown;
  /** More for programs: any JSON. It crosses the wire. */
  readonly details?: unknown;
  /** Whether the request may be sent again. @default true for `unavailable`, `overloaded` and `stopping` */
  readonly retryable?: boolean | undefined;
}

/** With these codes a request surely did not run. */
export const didNotRun: ReadonlySet<AcommErrorCode> = new Set(["unavailable", "overloaded", "stopping"]);

/** The one error class of the library. `message` names the value and the limit and says what to do. */
export class AcommError extends Error {
  /** Survives a bundler. */
  override readonly name = "AcommError";
  /** What happened, in a word that programs compare. */
  readonly code: AcommErrorCode;
  /** What whoever failed tells programs: any JSON. */
  readonly details: unknown;
  /** Whether the request may be sent again: it surely did not run, or whoever failed says so. */
  readonly retryable: boolean;

  constructor(code: AcommErrorCode, message: string, options?: AcommErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = options?.details;
    this.retryable = options?.retryable ?? didNotRun.has(code);
  }
}

/** @internal What an argument that can't be taken gets: `bad_field`. */
export function badField(message: string, options?: AcommErrorOptions): AcommError {
  return new AcommError("bad_field", message, options);
}

const knownCodes: ReadonlySet<string> = new Set(acommErrorCodes);

/** Whether it is one of {@link acommErrorCodes}. */
export function isErrorCode(word: unknown): word is AcommErrorCode {
  return typeof word === "string" && knownCodes.has(word);
}

/**
 * An error on the wire: `code: message`, or the message of other errors; never empty. No stack, no cause, no paths of the library
 * and Node.
 */
export function encodeErrorText(error: unknown): string {
  if (typeof error === "string" && error !== "") return error;
  return error instanceof Error ? textOf(error) : "the handler failed without a message";
}

/** What the error says of itself; it is the application's, so its properties may be anything, even getters that throw. */
function textOf(error: Error): string {
  try {
    if (error instanceof AcommError && error.code !== "remote") return `${error.code}: ${withoutPaths(error)}`;
    for (const text of [withoutSystemPaths(error), error.name] as readonly unknown[]) if (typeof text === "string" && text !== "") return text;
  } catch {
    // then it says nothing
  }
  return "Error"; // empty text would mean success
}

/** The message of an error. Whoever gets it may be on another machine: which sockets this one has is no concern of his. */
export function withoutPaths({ code, message }: AcommError): string {
  const text = message.includes("unix:") ? message.replace(socketUrl, "unix:…") : message;
  return code === "bad_address" ? text.replace(absolutePath, "…") : text;
}

const socketUrl = /unix:\/\/\/[^\s"')]*[^\s"'):;,.]/g;
const absolutePath = /(?<![^\s"'(])\/[^\s"')]*[^\s"'):;,.]/g;

/** Node's own errors name the files that they are about. */
function withoutSystemPaths(error: Error): string {
  if (!("syscall" in error)) return error.message;
  let text = error.message;
  const { path, dest, address } = error as { readonly path?: unknown; readonly dest?: unknown; readonly address?: unknown };
  for (const name of [path, dest, address]) {
    if (typeof name === "string" && name !== "") text = text.replaceAll(name, "…");
  }
  return text;
}

/** Reads an error text; one without a known code is the peer's own, `remote`. */
export function decodeErrorText(text: string): AcommError {
  const colon = text.indexOf(": ");
  const word = colon > 0 ? text.slice(0, colon) : "";
  if (word !== "remote" && isErrorCode(word)) return new AcommError(word, text.slice(colon + 2));
  return new AcommError("remote", text);
}
