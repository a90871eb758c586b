/**
 * Every code that an {@link AcommError} can carry. The words are stable: programs branch on them and they
 * cross the wire as the first word of an error text.
 */
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

/**
 * The one error class of the library: `code` says what happened in a word that programs may compare,
 * `message` names the value and the limit and says what to do, `cause` holds the error below it, if any.
 */
export class AcommError extends Error {
  override readonly name = "AcommError";
  readonly code: AcommErrorCode;

  constructor(code: AcommErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const knownCodes: ReadonlySet<string> = new Set(acommErrorCodes);

/**
 * The text of an error on the wire: `code: message` for an {@link AcommError}, else the message; never empty. Neither stack
 * nor cause is in it, nor the paths that the library and Node write into their messages.
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

/** Whoever gets the text may be on another machine: which sockets this one has is no concern of his. */
function withoutPaths({ code, message }: AcommError): string {
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

/** Reads what {@link encodeErrorText} wrote: a text without a known code is the peer's own, code `remote`. */
export function decodeErrorText(text: string): AcommError {
  const colon = text.indexOf(": ");
  const word = colon > 0 ? text.slice(0, colon) : "";
  if (word !== "remote" && knownCodes.has(word)) return new AcommError(word as AcommErrorCode, text.slice(colon + 2));
  return new AcommError("remote", text);
}
