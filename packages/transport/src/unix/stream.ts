import { AcommError } from "@acomm/protocol";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { nodeCrypto } from "../node-modules.ts";
import { openSource, toReadable, writeStream } from "../stream-writer.ts";
import type { LazyStreamSource, ServedStream, ServedStreamOptions } from "../transport.ts";
import { checkTimeoutMs } from "../wait.ts";
import { listenAt } from "./socket-file.ts";
import { urlOfSocketPath } from "./socket-path.ts";

/** How much of a stream may wait for its reader, in bytes, and be handed to the kernel at once: more than twice what a unix socket of Linux holds. */
const roomyBytes = 512 * 1024;
/** How many streams of this process may have so much room: hundreds whose readers take nothing would fill the memory. */
const maxRoomy = 8;
/** How much may wait in the others, in bytes. */
const crowdedBytes = 64 * 1024;
let roomyCount = 0;

/** How a stream is served. */
export interface UnixStreamOptions extends ServedStreamOptions {
  /** Where its socket is made: one of your own. */
  readonly directory: string;
}

/** Its URL remembers that its end is shown (wire 2.2). */
export type UnixStream = ServedStream;

/** Serves a source to one reader at a socket of its own. @throws `bad_address`, `bad_field` */
export async function serveUnixStream(source: LazyStreamSource, options: UnixStreamOptions): Promise<UnixStream> {
  const openTimeoutMs = checkTimeoutMs(options.openTimeoutMs ?? 30_000, "openTimeoutMs");
  const idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
  const opened = typeof source === "function" ? undefined : toReadable(source);
  const path = join(options.directory, `${nodeCrypto().randomBytes(9).toString("base64url")}.sock`);
  let socket: Socket | undefined;
  let isCancelled = false;
  let settle: { readonly came: (socket: Socket) => void; readonly failed: (error: Error) => void };
  const reader = new Promise<Socket>((came, failed) => {
    settle = { came, failed };
  });
  reader.catch(() => undefined); // run() waits for it, once the socket listens
  const onSourceError = (error: Error): void => { settle.failed(error); };
  opened?.on("error", onSourceError);
  if (opened?.errored != null) onSourceError(opened.errored);

  const isRoomy = roomyCount < maxRoomy;
  if (isRoomy) roomyCount += 1;
  const giveRoom = (): void => {
    if (isRoomy) roomyCount -= 1;
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, highWaterMark: isRoomy ? roomyBytes : crowdedBytes }, (connected) => {
    connected.on("error", () => undefined); // the writer finds it on the socket
    if (socket === undefined) settle.came((socket = connected));
    else connected.destroy(); // there is one reader
  });
  const file = await listenAt(server, path).catch((error: unknown) => {
    opened?.destroy();
    giveRoom();
    throw error;
  });
  server.on("error", () => undefined); // an accept that failed concerns the one who connected

  const run = async (): Promise<void> => {
    const timer = setTimeout(() => { settle.failed(new AcommError("timeout", `a stream was not opened within ${openTimeoutMs} ms`)); }, openTimeoutMs);
    try {
      try {
        await reader;
      } finally {
        clearTimeout(timer);
        // the socket goes as soon as the reader has come
        server.close();
        await file.remove();
      }
      const readable = opened ?? (await openSource(source));
      await writeStream(await reader, readable, { idleTimeoutMs });
    } catch (error) {
      throw isCancelled ? new AcommError("cancelled", `a stream was cancelled ${socket === undefined ? "before" : "while"} it was read`) : error;
    } finally {
      socket?.destroy();
      opened?.destroy();
      giveRoom();
    }
  };

  const done = run();
  done.catch(() => undefined); // whoever waits for it gets the error; nobody has to
  return {
    url: urlOfSocketPath(path, "half-close"),
    done,
    cancel() {
      isCancelled = true;
      settle.failed(new AcommError("cancelled", "a stream was cancelled"));
      socket?.destroy();
    },
  };
}
