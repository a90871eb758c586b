import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import { createMessageConnection, RequestType, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import type { MessageConnection } from "vscode-jsonrpc/node";
import type { Caller } from "../contestant.ts";

const echo = new RequestType<unknown, unknown, never>("echo");

/** JSON-RPC with the headers of the language server protocol, over one connection. */
export async function serve(socketPath: string): Promise<void> {
  const server = createServer((socket) => {
    const connection = connectionOver(socket);
    connection.onRequest(echo, async (args) => args);
    connection.listen();
  });
  server.listen(socketPath);
  await once(server, "listening");
}

export async function connect(socketPath: string): Promise<Caller> {
  const socket = connectSocket(socketPath);
  await once(socket, "connect");
  const connection = connectionOver(socket);
  connection.listen();
  return {
    call: (args) => connection.sendRequest(echo, args),
    async close() {
      connection.dispose();
      socket.destroy();
    },
  };
}

function connectionOver(socket: Socket): MessageConnection {
  return createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
}
