import { AcommError } from "@acomm/protocol";
import type { AcommErrorCode } from "@acomm/protocol";

const codes: Readonly<Record<string, { readonly code: AcommErrorCode; readonly hint: string }>> = {
  ENOENT: { code: "unavailable", hint: "nobody listens there: start the service, or correct the address" },
  ECONNREFUSED: { code: "unavailable", hint: "nobody listens there: start the service, or correct the address" },
  ECONNRESET: { code: "unavailable", hint: "the peer ended the connection" },
  EPIPE: { code: "unavailable", hint: "the peer ended the connection" },
  ENOTFOUND: { code: "unavailable", hint: "the host is not known" },
  EAI_AGAIN: { code: "unavailable", hint: "the host can't be looked up" },
  EHOSTUNREACH: { code: "unavailable", hint: "the host can't be reached" },
  ENETUNREACH: { code: "unavailable", hint: "the network can't be reached" },
  ETIMEDOUT: { code: "timeout", hint: "the peer didn't answer" },
  EAGAIN: { code: "overloaded", hint: "its backlog of connections is full: send it again later" },
  EMFILE: { code: "overloaded", hint: "this process has no file descriptor left: close some, or raise its limit (ulimit -n)" },
  ENFILE: { code: "overloaded", hint: "this machine has no file descriptor left" },
  EADDRINUSE: { code: "bad_address", hint: "the address is in use: choose another, or stop who has it" },
  EADDRNOTAVAIL: { code: "bad_address", hint: "the address is not one of this machine" },
  EACCES: { code: "bad_address", hint: "permission denied: check the owner and mode of the socket and its directory" },
  EPERM: { code: "bad_address", hint: "permission denied: check the owner and mode of the socket and its directory" },
  ENOTSOCK: { code: "bad_address", hint: "the path is not a socket" },
  EPROTOTYPE: { code: "bad_address", hint: "the path is not a stream socket" },
  ENOTDIR: { code: "bad_address", hint: "a part of the path is not a directory" },
  EISDIR: { code: "bad_address", hint: "the path is a directory" },
  ELOOP: { code: "bad_address", hint: "the path leads through too many links" },
  ENAMETOOLONG: { code: "bad_address", hint: "the path is too long" },
  EINVAL: { code: "bad_address", hint: "the path is not valid" },
  EROFS: { code: "bad_address", hint: "the file system is read-only" },
};

/** Node's own code of an error (`ENOENT`, …), or the empty string. */
export function nodeCodeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : "";
}

/** Node's error as one of ours. `doing` says what failed, such as `connect to unix:///run/a.sock`. */
export function translateNodeError(error: unknown, doing: string): AcommError {
  if (error instanceof AcommError) return error;
  const code = nodeCodeOf(error);
  // Node hangs the bytes on it that it could not parse: what a peer has sent belongs in no error
  if (code.startsWith("HPE_")) delete (error as { rawPacket?: unknown }).rawPacket;
  if (code === "ABORT_ERR") return new AcommError("cancelled", `${doing}: cancelled`, { cause: error });
  const known = Object.hasOwn(codes, code) ? codes[code] : undefined;
  if (known !== undefined) return new AcommError(known.code, `${doing}: ${known.hint} (${code})`, { cause: error });
  return new AcommError("unavailable", `${doing}: ${code === "" ? (error instanceof Error ? error.message : "failed") : code}`, { cause: error });
}
