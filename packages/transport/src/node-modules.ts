import type * as Crypto from "node:crypto";
import type * as Http from "node:http";
import type * as Https from "node:https";

// Most of the time that importing this package took went into these, above all into HTTP and TLS. A program that speaks over unix
// sockets may need none of them, so they are loaded where they are first used. What it costs: `pnpm run import:time`.

/** `node:crypto`, loaded when it is first asked for. */
export function nodeCrypto(): typeof Crypto {
  return process.getBuiltinModule("node:crypto");
}

/** `node:http`, loaded when it is first asked for. */
export function nodeHttp(): typeof Http {
  return process.getBuiltinModule("node:http");
}

/** `node:https`, loaded when it is first asked for. */
export function nodeHttps(): typeof Https {
  return process.getBuiltinModule("node:https");
}
