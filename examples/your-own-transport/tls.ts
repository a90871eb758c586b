import { createStreamListener, createStreamTransport, parseUrl } from "acomm";
import type { Listener, Transport } from "acomm";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";

/** Who one is, and who signs those that may be talked to: PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** The limits of both sides. */
export interface Limits {
  readonly maxFrameBytes?: number | undefined;
}

/** The transport for `acomm+tls://host:port`: both sides show a certificate of the same authority, or nothing is sent. */
export function createTlsTransport(identity: Identity, limits: Limits = {}): Transport {
  return createStreamTransport({
    ...limits,
    schemes: ["acomm+tls"],
    // a network may lose what the other side has written: what is in doubt is not sent again
    isLossy: true,
    async connect(url, signal) {
      const socket = connect({ ...identity, minVersion: "TLSv1.3", host: url.hostname, port: Number(url.port), servername: url.hostname });
      socket.setNoDelay(true);
      socket.allowHalfOpen = true;
      try {
        await once(socket, "secureConnect", { signal });
        return socket;
      } catch (error) {
        socket.destroy();
        throw error;
      }
    },
  });
}

/** Listens on a free port of the loopback, for those who show a certificate. */
export function createTlsListener(identity: Identity, limits: Limits = {}): Listener {
  return createStreamListener({
    ...limits,
    async listen(add) {
      const server = createServer({ ...identity, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true, noDelay: true, handshakeTimeout: 5000 }, (socket) => {
        socket.allowHalfOpen = true; // from now on: whoever gives up during the handshake is not waited for
        add(socket);
      });
      server.on("tlsClientError", (_error, socket) => { socket.destroy(); }); // not let in, or late, and then Node leaves it open
      await once(server.listen(0, "127.0.0.1"), "listening");
      server.on("error", () => undefined); // an accept that failed concerns the one who connected
      return { url: parseUrl(`acomm+tls://localhost:${(server.address() as AddressInfo).port}`), close: () => void server.close() };
    },
  });
}
