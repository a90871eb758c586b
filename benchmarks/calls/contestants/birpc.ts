import { createBirpc } from "birpc";
import type { ChannelOptions } from "birpc";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import type { Caller } from "../contestant.ts";

interface Functions {
  echo(args: unknown): Promise<unknown>;
}

/** Gives what writes one line to the socket. */
type CreateWriter = (socket: Socket) => (line: string) => void;

const writeEach: CreateWriter = (socket) => (line) => void socket.write(line);

/** birpc leaves the transport to its user: here a line of JSON for each message, and a write for each, as in its examples. */
export async function serve(socketPath: string, createWriter: CreateWriter = writeEach): Promise<void> {
  const functions: Functions = { echo: async (args) => args };
  const server = createServer((socket) => void createBirpc(functions, linesOver(socket, createWriter(socket))));
  server.listen(socketPath);
  await once(server, "listening");
}

export async function connect(socketPath: string, createWriter: CreateWriter = writeEach): Promise<Caller> {
  const socket = connectSocket(socketPath);
  await once(socket, "connect");
  const rpc = createBirpc<Functions>({}, linesOver(socket, createWriter(socket)));
  return {
    call: (args) => rpc.echo(args),
    async close() {
      rpc.$close();
      socket.destroy();
    },
  };
}

function linesOver(socket: Socket, write: (line: string) => void): ChannelOptions {
  return {
    serialize: (message) => JSON.stringify(message),
    deserialize: (line: string) => JSON.parse(line) as unknown,
    post(line: string) {
      write(`${line}\n`);
    },
    on(take) {
      let rest = "";
      socket.setEncoding("utf8");
      socket.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) take(line);
      });
    },
  };
}
