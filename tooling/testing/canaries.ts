import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";

/** Servers on this machine that nobody shall come to. */
export interface Canaries extends AsyncDisposable {
  /** Where they listen, on every loopback address. */
  readonly port: number;
  /** How often somebody came to one of them. */
  readonly visits: number;
  /** How many sockets this process has opened to go anywhere at all. */
  readonly outgoing: number;
}

const acknowledgement = '{"error":"","id":"","result":null,"stream_url":null}';

/** Starts canaries on loopback and at a socket path; whoever comes over HTTP gets an acknowledgement. */
export async function startCanaries(socketPath: string): Promise<Canaries> {
  let visits = 0;
  let outgoing = 0;
  const visited = (): void => { visits += 1; };
  const web = (): Server => createHttpServer((_request, response) => { response.end(acknowledgement); }).on("connection", visited);
  const first = web().listen(0, "127.0.0.1");
  await once(first, "listening");
  const { port } = first.address() as AddressInfo;
  const second = web().listen(port, "::1");
  await once(second, "listening").catch(() => undefined); // there may be no IPv6, or somebody else has this port of it
  const local = createServer((socket) => {
    visited();
    socket.destroy();
  }).listen(socketPath);
  await once(local, "listening");
  const goesOut = (): void => { outgoing += 1; };
  subscribe("net.client.socket", goesOut);
  return {
    port,
    get visits() {
      return visits;
    },
    get outgoing() {
      return outgoing;
    },
    async [Symbol.asyncDispose]() {
      unsubscribe("net.client.socket", goesOut);
      for (const server of [first, second, local]) {
        if (!server.listening) continue;
        const closed = once(server, "close");
        server.close();
        if ("closeAllConnections" in server) (server as ReturnType<typeof createHttpServer>).closeAllConnections();
        await closed;
      }
    },
  };
}

/** Ways to write this machine's own addresses, and others that a service may reach and its caller not. */
export const insideHosts: readonly string[] = [
  "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "0", "0.0.0.0",
  "127.255.255.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
  "[2002:7f00:1::]", "localhost", "localhost.", "LOCALHOST", "localhost.localdomain", "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1",
  "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal", "10.0.0.1", "192.168.0.1",
];
