import type { Socket } from "node:net";
import type { Caller } from "../contestant.ts";
import { connect as connectBirpc, serve as serveBirpc } from "./birpc.ts";

/** birpc by a user who knows that writes are dear: the lines of one turn of the event loop go out together. */
export const serve = (socketPath: string): Promise<void> => serveBirpc(socketPath, gathering);

export const connect = (socketPath: string): Promise<Caller> => connectBirpc(socketPath, gathering);

function gathering(socket: Socket): (line: string) => void {
  let outbox = "";
  return (line) => {
    if (outbox === "") {
      process.nextTick(() => {
        socket.write(outbox);
        outbox = "";
      });
    }
    outbox += line;
  };
}
