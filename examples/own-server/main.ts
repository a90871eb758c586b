/** Below `serve`: a server that looks at each frame before it is acknowledged, and a receiver that takes frames as they come. */
import { createResponse, decodeRequest, encodeResponse } from "@acomm/protocol";
import { Tracker } from "@acomm/tracker";
import { MessageServer, UnixListener } from "@acomm/transport";
import type { AcceptedWork, Acceptor, ConnectionOptions, FrameReceiver, IncomingConnection, Listener, ListenerOptions, ServerConnection, UnixListenerOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-own-server-"));
const frames: ConnectionOptions = { maxFrameBytes: 64 * 1024, headerTimeoutMs: 2_000 };
const limits: ListenerOptions = { ...frames, maxConnections: 100, maxBufferedBytes: 1024 * 1024 };
const options: UnixListenerOptions = { ...limits, watchIntervalMs: 1_000 };

// a server that answers on the connection, and counts what is on its way
const listener = new UnixListener(join(directory, "echo.sock"), options);
await listener.start();
let gone = 0;
const acceptor: Acceptor = {
  accept(text, start, end, connection: ServerConnection): AcceptedWork {
    const request = decodeRequest(text, start, end); // what this throws becomes the refusal
    const { route } = connection.connection; // which message it is, where the connection has to know
    return {
      answersHere: true,
      start: () => { connection.answer(encodeResponse(createResponse(request, { result: request.args }), { reply: true }), route); },
      discard: () => undefined,
    };
  },
  connectionEnded: () => { gone += 1; },
};
const server = new MessageServer(listener, acceptor);

const tracker = new Tracker();
await tracker.start();
assert.equal(await tracker.request(listener.url, { task: "echo", args: "hello" }), "hello");
await tracker.stop();
await server.stop(Promise.resolve(), { graceMs: 1_000 });
assert.equal(gone, 1);

// a receiver gets each frame, and every end
class Watcher implements FrameReceiver {
  readonly seen: string[] = [];
  readonly ended = Promise.withResolvers<undefined>();
  readonly isIdle = true;

  frame(text: string, start: number, end: number): void { this.seen.push(text.slice(start, end)); }
  unreadable(): void { this.seen.push("not UTF-8"); }
  turnEnded(): void { this.seen.push("turn"); }
  drained(): void { this.seen.push("drained"); }
  inputEnded(): void { connection?.close(); } // nothing is left to be answered
  closed(): void { this.ended.resolve(undefined); }
}
const second: Listener = new UnixListener(join(directory, "watch.sock"), options);
await second.start();
const socket = connect(second.url.pathname);
await once(socket, "connect");
const connection: IncomingConnection | undefined = await second.nextConnection();
assert.ok(connection !== undefined);
const watcher = new Watcher();
connection.receive(watcher);
socket.end(Buffer.from([0, 0, 0, 2, 0x7b, 0x7d, 0, 0, 0, 1, 0xff]));
await once(socket.resume(), "close");
await watcher.ended.promise;
assert.deepEqual(watcher.seen.slice(0, 3), ["{}", "not UTF-8", "turn"]);
second.doneConnection(connection);
await second.stop();
await rm(directory, { recursive: true });
console.log("own-server: a request echoed below serve, and a frame, a broken one and the end of a connection seen");
