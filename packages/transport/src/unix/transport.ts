import { socketPathOf } from "@acomm/protocol";
import type { ConnectionOptions } from "../connection.ts";
import type { PoolOptions } from "../peer.ts";
import { createStreamTransport } from "../stream-transport.ts";
import type { Transport } from "../transport.ts";
import { connectUnix } from "./connect.ts";

/** Limits of {@link createUnixTransport}; all have defaults. */
export interface UnixTransportOptions extends PoolOptions, ConnectionOptions {}

/** The transport for `unix:` URLs: kept connections where the peer takes more than one message, else one for each. */
export function createUnixTransport(options: UnixTransportOptions = {}): Transport {
  return createStreamTransport({ ...options, schemes: ["unix"], connect: (url, signal, purpose) => connectUnix(socketPathOf(url), signal, purpose === "stream") });
}
