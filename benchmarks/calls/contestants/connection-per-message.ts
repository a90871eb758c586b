import { createRequest, createResponse, decodeAcknowledgement, decodeRequest, decodeResponse, encodeFrame, encodeRequest, encodeResponse, FrameDecoder, socketPathOf } from "@acomm/protocol";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Server } from "node:net";
import type { Caller } from "../contestant.ts";

const accepted = encodeFrame('{"error":"","id":"","result":null,"stream_url":null}');

/** The original's way: a connection for each message and its acknowledgement, answers to a hook, no timeouts. */
export async function serve(socketPath: string): Promise<void> {
  const handle = async (args: unknown): Promise<unknown> => args;
  await listen(socketPath, (text) => {
    const request = decodeRequest(text);
    const hook = request.responseHook;
    if (hook !== null) void handle(request.args).then((result) => deliver(socketPathOf(hook), encodeResponse(createResponse(request, { result }))));
  });
}

/** @param dials how many connections there may be at once, @default any number */
export async function connect(socketPath: string, dials = Infinity): Promise<Caller> {
  const hook = `${socketPath}.${process.pid}.hook`;
  const pending = new Map<string, (result: unknown) => void>();
  const server = await listen(hook, (text) => {
    const { id, result } = decodeResponse(text);
    pending.get(id)?.(result);
    pending.delete(id);
  });
  let free = dials;
  const waiting: (() => void)[] = [];
  const deliverInTurn = async (text: string): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await deliver(socketPath, text);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
  return {
    call: (args) =>
      new Promise((resolve, reject) => {
        const request = createRequest({ task: "echo", args, responseHook: `unix://${hook}` });
        pending.set(request.id, resolve);
        deliverInTurn(encodeRequest(request)).catch(reject);
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

/** Sends one message; where the backlog is full, again after a millisecond. */
async function deliver(socketPath: string, text: string): Promise<void> {
  while (!(await dial(socketPath, text))) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** False where the backlog is full. */
function dial(socketPath: string, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(socketPath);
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => {
      for (const frame of decoder.push(chunk)) {
        socket.end();
        const { error } = decodeAcknowledgement(frame);
        if (error === "") resolve(true);
        else reject(new Error(error));
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EAGAIN") resolve(false);
      else reject(error);
    });
    socket.on("close", () => { reject(new Error("the connection ended without an acknowledgement")); });
    socket.write(encodeFrame(text));
  });
}
