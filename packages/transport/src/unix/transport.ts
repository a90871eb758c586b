import { socketPathOf } from "@acomm/protocol";
import type { ConnectionOptions } from "../connection.ts";
import type { PoolOptions } from "../peer.ts";
import { createStreamTransport } from "../stream-transport.ts";
import type { Transport } from "../transport.ts";
import { connectUnix } from "./connect.ts";

/** Limits of {@link createUnixTransport}; all have defaults. */
export interface UnixTransportOptions extends PoolOptions, ConnectionOptions {
  /**
   * Whether something stands between this process and the peer that may lose what the peer has written, such as a relay that
   * can be killed. Then what a broken connection leaves without acknowledgement is sent again only where it surely was not
   * taken, and is `ambiguous` else. @default false
   */
  readonly isLossy?: boolean | undefined;
}

/** The transport for `unix:` URLs: kept connections where the peer takes more than one message, else one for each. */
export function createUnixTransport(options: UnixTransportOptions = {}): Transport {
  return createStreamTransport({ isLossy: false, ...options, schemes: ["unix"], connect: (url, signal, purpose) => connectUnix(socketPathOf(url), signal, purpose === "stream") });
}
