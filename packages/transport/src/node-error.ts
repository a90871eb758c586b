import { AcommError } from "@acomm/protocol";
import type { AcommErrorCode } from "@acomm/protocol";

const nobodyListens = "nobody listens there: start the service, or correct the address";
const peerEnded = "the peer ended the connection";
const denied = "permission denied: check the owner and mode of the socket and its directory";

/** What Node's codes mean, by the code that they become. */
const hints: Readonly<Partial<Record<AcommErrorCode, Readonly<Record<string, string>>>>> = {
  unavailable: {
    ENOENT: nobodyListens,
    ECONNREFUSED: nobodyListens,
    ECONNRESET: peerEnded,
    EPIPE: peerEnded,
    ENOTFOUND: "the host is not known",
    EAI_AGAIN: "the host can't be looked up",
    EHOSTUNREACH: "the host can't be reached",
    ENETUNREACH: "the network can't be reached",
  },
  timeout: { ETIMEDOUT: "the peer didn't answer" },
  overloaded: {
    EAGAIN: "its backlog of connections is full: send it again later",
    EMFILE: "this process has no file descriptor left: close some, or raise its limit (ulimit -n)",
    ENFILE: "this machine has no file descriptor left",
  },
  bad_address: {
    EADDRINUSE: "the address is in use: choose another, or stop who has it",
    EADDRNOTAVAIL: "the address is not one of this machine",
    EACCES: denied,
    EPERM: denied,
    ENOTSOCK: "the path is not a socket",
    EPROTOTYPE: "the path is not a stream socket",
    ENOTDIR: "a part of the path is not a directory",
    EISDIR: "the path is a directory",
    ELOOP: "the path leads through too many links",
    ENAMETOOLONG: "the path is too long",
    EINVAL: "the path is not valid",
    EROFS: "the file system is read-only",
  },
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
  for (const [own, known] of Object.entries(hints)) if (Object.hasOwn(known, code)) return new AcommError(own as AcommErrorCode, `${doing}: ${known[code]} (${code})`, { cause: error });
  return new AcommError("unavailable", `${doing}: ${code === "" ? (error instanceof Error ? error.message : "failed") : code}`, { cause: error });
}
