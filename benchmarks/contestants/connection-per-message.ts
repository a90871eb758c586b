import { createRequest, createResponse, decodeRequest, decodeResponse, encodeFrame, encodeRequest, encodeResponse, FrameDecoder, socketPathOf } from "@acomm/protocol";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Caller } from "../contestant.ts";

const accepted = encodeFrame('{"error":"","id":"","result":null,"stream_url":null}');

/** The original's way: a connection for each message and its acknowledgement, answers to a hook. */
export async function serve(socketPath: string): Promise<void> {
  const handle = async (args: unknown): Promise<unknown> => args;
  await listen(socketPath, (text) => {
    const request = decodeRequest(text);
    const hook = request.responseHook;
    if (hook !== null) void handle(request.args).then((result) => deliver(socketPathOf(hook), encodeResponse(createResponse(request, { result }))));
  });
}

export async function connect(socketPath: string): Promise<Caller> {
  const hook = `${socketPath}.hook`;
  const pending = new Map<string, (result: unknown) => void>();
  const server = await listen(hook, (text) => {
    const { id, result } = decodeResponse(text);
    pending.get(id)?.(result);
    pending.delete(id);
  });
  return {
    call: (args) =>
      new Promise((resolve, reject) => {
        const request = createRequest({ task: "echo", args, responseHook: `unix://${hook}` });
        pending.set(request.id, resolve);
        deliver(socketPath, encodeRequest(request)).catch(reject);
      }),
    async close() {
      server.close();
    },
  };
}

async function listen(socketPath: string, take: (text: Uint8Array) => void): Promise<Server> {
  const server = createServer((socket) => {
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => {
      for (const frame of decoder.push(chunk)) {
        socket.end(accepted);
        take(frame);
      }
    });
  });
  server.listen({ path: socketPath, backlog: 4096 });
  await once(server, "listening");
  return server;
}

async function deliver(socketPath: string, text: string): Promise<void> {
  const socket: Socket = connectSocket(socketPath);
  socket.write(encodeFrame(text));
  socket.resume();
  await once(socket, "end");
}
