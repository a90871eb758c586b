import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Connection } from "../connection.ts";
import { toReadable, writeStream } from "../stream-writer.ts";
import type { StreamSource } from "../stream-writer.ts";
import { checkTimeoutMs } from "../wait.ts";
import { UnixListener } from "./listener.ts";

/** How a stream is served. */
export interface UnixStreamOptions {
  /** Where its socket is made, a directory of your own. */
  readonly directory: string;
  /** How long a reader may be awaited, in milliseconds. @default 30 000 */
  readonly openTimeoutMs?: number | undefined;
  /** How long the reader may take nothing, in milliseconds. @default 60 000 */
  readonly idleTimeoutMs?: number | undefined;
}

/** A stream that waits for its one reader. */
export interface UnixStream {
  /** Where to read it; it remembers that its end is shown (wire 2.2). */
  readonly url: AcommUrl;
  /** Settles when the stream was read, or fails with what became of it: `timeout`, `truncated_stream`, the source's error. */
  readonly done: Promise<void>;
  /** Ends it now: the reader, if there is one, sees a cut stream. */
  cancel(): void;
}

/**
 * Serves a source to one reader at a socket of its own.
 *
 * @param source the bytes, or a function that opens them when the reader comes
 * @throws AcommError `bad_address`
 */
export async function serveUnixStream(source: StreamSource | (() => StreamSource | Promise<StreamSource>), options: UnixStreamOptions): Promise<UnixStream> {
  const openTimeoutMs = checkTimeoutMs(options.openTimeoutMs ?? 30_000, "openTimeoutMs");
  const listener = new UnixListener(join(options.directory, `${randomBytes(9).toString("base64url")}.sock`), { acceptLimit: 1 });
  await listener.start();
  let connection: Connection | undefined;
  let isCancelled = false;
  let isUnread = false;

  const run = async (): Promise<void> => {
    const timer = setTimeout(() => {
      isUnread = true;
      void listener.stop();
    }, openTimeoutMs);
    connection = await listener.nextConnection();
    clearTimeout(timer);
    // there is one reader: the socket goes as soon as it has come
    const stopped = listener.stop({ graceMs: 2 ** 31 - 1 });
    try {
      if (connection === undefined) {
        throw isUnread ? new AcommError("timeout", `a stream was not opened within ${openTimeoutMs} ms`) : new AcommError("cancelled", "a stream was cancelled before it was read");
      }
      const readable = toReadable(typeof source === "function" ? await source() : source);
      await writeStream(connection.stream, readable, options);
    } catch (error) {
      throw isCancelled ? new AcommError("cancelled", "a stream was cancelled while it was read") : error;
    } finally {
      if (typeof source !== "function") toReadable(source).destroy();
      if (connection !== undefined) {
        connection.destroy();
        listener.doneConnection(connection);
      }
      await stopped;
    }
  };

  const done = run();
  done.catch(() => undefined); // whoever waits for it gets the error; nobody has to
  return {
    url: parseUrl(listener.url, { streamEnd: "half-close" }),
    done,
    cancel() {
      isCancelled = true;
      if (connection === undefined) void listener.stop();
      else connection.destroy();
    },
  };
}
