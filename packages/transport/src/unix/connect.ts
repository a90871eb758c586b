import type { Socket } from "node:net";
import { connectBorrowing } from "../chunks.ts";

/** Connects to a unix socket, half open and paused. The error is Node's. @param ownBytes see {@link connectBorrowing} */
export function connectUnix(path: string, signal?: AbortSignal, ownBytes?: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectBorrowing(path, ownBytes);
    const onAbort = (): void => {
      socket.destroy();
      reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    const onError = (error: Error): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      resolve(socket);
    });
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort);
  });
}
