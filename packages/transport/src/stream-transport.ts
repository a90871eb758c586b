import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import type { Duplex } from "node:stream";
import { checkConnectionOptions, Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { nameOf } from "./name-of.ts";
import { translateNodeError } from "./node-error.ts";
import { OutgoingText } from "./outgoing-text.ts";
import { Peer } from "./peer.ts";
import type { PoolOptions } from "./peer.ts";
import { StreamReader } from "./stream-reader.ts";
import type { Transport } from "./transport.ts";
import { cancelledError, checkCount, checkTimeoutMs, closedError, waitFor } from "./wait.ts";

/** What {@link createStreamTransport} takes. */
export interface StreamTransportInit extends PoolOptions, ConnectionOptions {
  /** In lower case, without colon. */
  readonly schemes: readonly string[];
  /** Gives a byte stream that is allowed to be half open; rejects when the signal aborts. `readBytes`: how much is best read at once. */
  readonly connect: (url: AcommUrl, signal: AbortSignal, purpose: "frames" | "stream", readBytes?: number) => Promise<Duplex>;
  /**
   * Whether a broken connection may lose what the peer has written, as a network does. Then only what surely was not taken is sent
   * again; the rest is `ambiguous`. @default true
   */
  readonly isLossy?: boolean | undefined;
}

/**
 * A transport over what connects byte streams, such as TLS or pipes. Framing, the pool, answers on the connection and streams come
 * with it.
 */
export function createStreamTransport(init: StreamTransportInit): Transport {
  const { schemes, connect, connectTimeoutMs = 2000, ackTimeoutMs = 5000, idleTimeoutMs = 30_000, maxDials = 32, isLossy = true } = init;
  const options = {
    connectTimeoutMs: checkTimeoutMs(connectTimeoutMs, "connectTimeoutMs"),
    ackTimeoutMs: checkTimeoutMs(ackTimeoutMs, "ackTimeoutMs"),
    idleTimeoutMs: checkTimeoutMs(idleTimeoutMs, "idleTimeoutMs"),
    maxDials: checkCount(maxDials, "maxDials"),
    isLossy,
  };
  checkConnectionOptions(init);
  const peers = new Map<string, Peer>();
  /** The last one that was called: most calls go where the one before went. */
  let lastUrl: AcommUrl | undefined;
  let lastPeer: Peer | undefined;
  let isClosed = false;

  const peerOf = (url: AcommUrl): Peer => {
    const key = url.href;
    let peer = peers.get(key);
    if (peer === undefined) {
      const open = async (target: AcommUrl, signal: AbortSignal): Promise<Connection> => new Connection(await connect(target, signal, "frames"), init);
      peer = new Peer(url, open, options, () => {
        peers.delete(key);
        lastUrl = lastPeer = undefined;
      });
      peers.set(key, peer);
    }
    return peer;
  };

  return {
    schemes,
    send(url, text, { signal, timeoutMs }) {
      return waitFor(`send to ${nameOf(url)}`, { signal, timeoutMs }, (resolve, reject) => {
        if (isClosed) {
          reject(closedError());
          return;
        }
        const message = new OutgoingText(text, resolve, reject);
        peerOf(url).submit(message);
        return () => { message.isSettled = true; };
      });
    },
    call(url, message) {
      if (isClosed) {
        message.failed(closedError());
        return;
      }
      if (lastPeer === undefined || url !== lastUrl) {
        lastPeer = peerOf(url);
        lastUrl = url;
      }
      lastPeer.submit(message);
    },
    async openStream(url, { signal, timeoutMs = connectTimeoutMs, idleTimeoutMs: silentMs = 60_000, readBytes }) {
      const doing = `open the stream ${nameOf(url)}`;
      checkTimeoutMs(timeoutMs);
      checkTimeoutMs(silentMs, "idleTimeoutMs");
      if (signal?.aborted === true) throw cancelledError(doing, signal);
      const limit = new AbortController();
      const abort = (): void => { limit.abort(signal === undefined ? undefined : cancelledError(doing, signal)); };
      signal?.addEventListener("abort", abort);
      const timer = setTimeout(() => { limit.abort(new AcommError("timeout", `${doing}: no connection within ${timeoutMs} ms`)); }, timeoutMs);
      try {
        const source = await connect(url, limit.signal, "stream", readBytes);
        if (!limit.signal.aborted) return new StreamReader(source, { streamEnd: url.streamEnd, idleTimeoutMs: silentMs, signal, doing: `read the stream ${nameOf(url)}` });
        source.destroy();
        throw limit.signal.reason;
      } catch (error) {
        throw limit.signal.aborted ? limit.signal.reason : translateNodeError(error, doing);
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      }
    },
    async probe(url) {
      const timeout = new AbortController();
      const timer = setTimeout(() => { timeout.abort(); }, connectTimeoutMs);
      try {
        (await connect(url, timeout.signal, "frames")).destroy();
        return true;
      } catch (error) {
        const translated = translateNodeError(error, `look who listens at ${nameOf(url)}`);
        if (translated.code === "overloaded") return true; // a full backlog has somebody behind it
        if (translated.code === "unavailable" && !timeout.signal.aborted) return false;
        throw translated;
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      isClosed = true;
      lastUrl = lastPeer = undefined;
      for (const peer of peers.values()) peer.stop(closedError());
      peers.clear();
      return Promise.resolve();
    },
  };
}
