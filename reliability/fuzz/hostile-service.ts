import { acceptedReplyText, acceptedText, decodeResponse, encodeFrame, FrameDecoder, isAnswer } from "@acomm/protocol";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { breakFraming, cutAnywhere } from "./mutate.ts";
import type { Random } from "./random.ts";

/** A service that answers a caller with whatever it is given. */
export interface HostileService extends AsyncDisposable {
  readonly frames: number;
  readonly connections: number;
  /** What it wrote last, so that an input that does harm can be kept. */
  readonly lastWritten: readonly Buffer[];
}

/** @param nextPayload gives what is to stand in the next frame, for the request of that id */
export async function startHostileService(path: string, random: Random, nextPayload: (id: string) => Buffer): Promise<HostileService> {
  const sockets = new Set<Socket>();
  const lastWritten: Buffer[] = [];
  let frames = 0;
  let connections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    const decoder = new FrameDecoder();
    socket.on("error", () => undefined); // whom it attacks may hang up
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const frame of decoder.push(chunk)) answer(socket, idOf(Buffer.from(frame)));
    });
  });
  const answer = (socket: Socket, id: string): void => {
    if (random.chance(0.01)) return; // never
    const payloads: Uint8Array[] = random.chance(0.8) ? [Buffer.from(random.chance(0.9) ? acceptedReplyText : acceptedText)] : [];
    // who gets nonsense hangs up, so most of it looks like answers, for which nobody has asked
    const isCareful = payloads.length > 0 && random.chance(0.7);
    for (let more = 1 + random.below(40); more > 0; more -= 1) {
      const payload = nextPayload(id);
      if (!isCareful || isReadableAnswer(payload)) payloads.push(payload);
    }
    if (random.chance(0.8)) payloads.push(Buffer.from(`{"error":"","id":${JSON.stringify(id)},"result":1,"stream_url":null,"ext":{"reply":true}}`));
    const whole = payloads.filter((payload) => payload.length > 0).map((payload) => Buffer.from(encodeFrame(payload)));
    frames += whole.length;
    const stream = random.chance(0.1) && whole.length > 0 ? breakFraming(random, whole) : Buffer.concat(whole);
    lastWritten.push(stream);
    if (lastWritten.length > 8) lastWritten.shift();
    for (const piece of cutAnywhere(random, stream)) socket.write(piece);
    const end = random.below(20);
    if (end === 0) socket.destroySoon();
    if (end === 1) socket.destroy(); // what it has not read makes it a reset
  };
  server.listen(path);
  await once(server, "listening");
  return {
    get frames() {
      return frames;
    },
    get connections() {
      return connections;
    },
    lastWritten,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function isReadableAnswer(payload: Buffer): boolean {
  try {
    decodeResponse(payload);
    return isAnswer(payload.toString());
  } catch {
    return false; // whatever is wrong with it
  }
}

function idOf(frame: Buffer): string {
  return (JSON.parse(frame.toString()) as { readonly id: string }).id;
}
