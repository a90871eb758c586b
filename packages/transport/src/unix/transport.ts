import { socketPathOf } from "@acomm/protocol";
import { streamReadBytes } from "../chunks.ts";
import type { ConnectionOptions } from "../connection.ts";
import type { PoolOptions } from "../peer.ts";
import { createStreamTransport } from "../stream-transport.ts";
import type { Transport } from "../transport.ts";
import { connectUnix } from "./connect.ts";

/** What {@link createUnixTransport} takes. */
export interface UnixTransportOptions extends PoolOptions, ConnectionOptions {
  /**
   * Whether something between, such as a relay that can be killed, may lose what the peer has written. Then only what surely was
   * not taken is sent again; the rest is `ambiguous`. @default false
   */
  readonly isLossy?: boolean | undefined;
}

/** The transport for `unix:`. It keeps connections to peers that take more than one message. */
export function createUnixTransport(options: UnixTransportOptions = {}): Transport {
  return createStreamTransport({ isLossy: false, ...options, schemes: ["unix"], connect: (url, signal, purpose, readBytes) => connectUnix(socketPathOf(url), signal, purpose === "stream" ? (readBytes ?? streamReadBytes) : undefined) });
}
