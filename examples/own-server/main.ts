/** Below `serve`: a server of one's own over the connections of a listener, which answers on the connection that asked. */
import { acceptedReplyText, createResponse, decodeRequest, encodeRefusal, encodeResponse } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { UnixListener } from "@acomm/transport";
import type { Connection, ConnectionOptions, IncomingConnection, Listener, ListenerOptions, UnixListenerOptions, WaitOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-own-server-"));
const frames: ConnectionOptions = { maxFrameBytes: 64 * 1024, headerTimeoutMs: 2_000 };
const limits: ListenerOptions = { ...frames, maxConnections: 100, maxBufferedBytes: 1024 * 1024 };
const options: UnixListenerOptions = { ...limits, watchIntervalMs: 1_000 };
const patience: WaitOptions = { timeoutMs: 5_000 };

const seen: string[] = [];
/** Frame after frame, until the caller ends. */
async function answer(connection: Connection): Promise<void> {
  for (let text = await connection.read(patience); text !== undefined; text = await connection.read(patience)) {
    let request: Request;
    try {
      request = decodeRequest(text);
    } catch (error) {
      await connection.write(encodeRefusal(error, { keepAlive: true }), patience);
      continue;
    }
    await connection.write(acceptedReplyText, patience); // first the acknowledgement, then the work
    seen.push(request.task);
    if (request.ext?.["reply"] === true) await connection.write(encodeResponse(createResponse(request, { result: request.args }), { reply: true }), patience);
  }
}

const listener = new UnixListener(join(directory, "echo.sock"), options);
await listener.start();
const served = (async () => {
  for await (const connection of listener) {
    void answer(connection)
      .catch((error: unknown) => { seen.push(String(error)); })
      .finally(() => { listener.doneConnection(connection); });
  }
})();

const tracker = new Tracker();
await tracker.start();
assert.deepEqual(await Promise.all(["one", "two"].map((args) => tracker.request(listener.url, { task: "echo", args }))), ["one", "two"]);
assert.deepEqual(seen, ["echo", "echo"]);
await tracker.stop();

// any listener may be asked whether somebody has come
const second: Listener = new UnixListener(join(directory, "other.sock"), options);
await second.start();
const next = second.nextConnection();
await second.stop();
const connection: IncomingConnection | undefined = await next;
assert.equal(connection, undefined, "it was stopped before anybody came");

await listener.stop();
await served;
await rm(directory, { recursive: true });
console.log("own-server: two requests answered on the connection that asked, below serve");
