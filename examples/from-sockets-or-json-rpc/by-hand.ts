import { connect, createServer } from "node:net";
import type { Server } from "node:net";

interface Question { readonly id: number; readonly words: string }
interface Answer { readonly id: number; readonly count: number }

// #region server
/** A line of JSON for each request, a line for each answer. It works on the day it is written. */
export function listenByHand(path: string): Server {
  return createServer((socket) => {
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => { // 1: a chunk is not a line
      for (const line of chunk.split("\n").filter((text) => text !== "")) {
        const { id, words } = JSON.parse(line) as Question; // 2: what throws here ends the process
        const answer: Answer = { id, count: words.split(" ").length };
        socket.write(`${JSON.stringify(answer)}\n`); // 3: nobody looks whether it is read
      }
    });
  }).listen(path); // 4: after a crash the file is there, and it is EADDRINUSE; 5: everybody may connect, as the umask will have it
}
// #endregion

// #region client
export function countByHand(path: string, words: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(path).setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (chunk: string) => {
      resolve((JSON.parse(chunk) as Answer).count);
      socket.end();
    });
    socket.write(`${JSON.stringify({ id: 1, words } satisfies Question)}\n`);
  }); // 6: a server that ends, or never answers, leaves this waiting for ever
}
// #endregion
