import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import type { Caller } from "../contestant.ts";

/** The limit: the same JSON in frames over one connection, one write a turn, nothing else. */
export async function serve(socketPath: string): Promise<void> {
  const server = createServer((socket) => {
    const say = frames<{ id: number; args: unknown }>(socket, ({ id, args }) => { say({ id, result: args }); });
  });
  server.listen(socketPath);
  await once(server, "listening");
}

export async function connect(socketPath: string): Promise<Caller> {
  const socket = connectSocket(socketPath);
  await once(socket, "connect");
  const pending = new Map<number, (result: unknown) => void>();
  let count = 0;
  const say = frames<{ id: number; result: unknown }>(socket, ({ id, result }) => {
    pending.get(id)?.(result);
    pending.delete(id);
  });
  return {
    call: (args) =>
      new Promise((resolve) => {
        count += 1;
        pending.set(count, resolve);
        say({ id: count, task: "echo", args });
      }),
    async close() {
      socket.destroy();
    },
  };
}

/** Reads JSON frames; gives the function that writes one, with the others of its turn. */
function frames<Message>(socket: Socket, take: (message: Message) => void): (message: unknown) => void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (data) => {
    const chunk = rest.length === 0 ? data : Buffer.concat([rest, data]);
    let at = 0;
    while (chunk.length - at >= 4) {
      const end = at + 4 + chunk.readUInt32BE(at);
      if (end > chunk.length) break;
      take(JSON.parse(chunk.toString("utf8", at + 4, end)) as Message);
      at = end;
    }
    rest = chunk.subarray(at);
  });
  let outbox: Buffer[] = [];
  return (message) => {
    const payload = Buffer.from(JSON.stringify(message));
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32BE(payload.length);
    if (outbox.length === 0) {
      process.nextTick(() => {
        const written = Buffer.concat(outbox);
        outbox = [];
        socket.write(written);
      });
    }
    outbox.push(header, payload);
  };
}
