import { AcommError, maxSocketPathBytes, parseUrl } from "@acomm/protocol";
import type { AcommErrorOptions, AcommUrl } from "@acomm/protocol";
import { isAbsolute } from "node:path";

/** What a path that can't be taken gets: `bad_address`. */
export function badAddress(message: string, options?: AcommErrorOptions): AcommError {
  return new AcommError("bad_address", message, options);
}

/** Checks the path of a unix socket. @throws `bad_address` where it is relative, over 107 bytes or holds a NUL. */
export function checkSocketPath(path: string): string {
  if (typeof path !== "string" || path === "") throw badAddress("the socket path is empty: give an absolute path such as /run/acomm/a.sock");
  if (path.startsWith("\0") || path.startsWith("@")) throw badAddress("abstract sockets have no permissions and are not supported: give an absolute path");
  if (path.includes("\0")) throw badAddress("the socket path holds a NUL: remove it");
  if (!isAbsolute(path)) throw badAddress(`the socket path ${path} is relative: give an absolute path`);
  if (/\/\.\.?(?:\/|$)/.test(path)) throw badAddress(`the socket path ${path} holds . or ..: name the directory itself`);
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes) throw badAddress(`the socket path has ${bytes} bytes, the limit is ${maxSocketPathBytes}: choose a shorter directory`);
  return path;
}

/** The URL of an absolute socket path. @throws `bad_field` */
export function urlOfSocketPath(path: string, streamEnd?: "half-close"): AcommUrl {
  return parseUrl(`unix://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`, { streamEnd });
}
