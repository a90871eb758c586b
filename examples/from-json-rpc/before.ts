import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { CancellationTokenSource, createMessageConnection, ErrorCodes, NotificationType, ProgressType, RequestType, ResponseError, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

const copy = new RequestType<{ steps: number }, string, { most: number }>("copy");
const log = new NotificationType<string>("log");
const step = new ProgressType<number>();

// #region server
export async function listen(path: string, lines: string[]): Promise<Server> {
  const server = createServer((socket) => {
    const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
    connection.onRequest(copy, async ({ steps }, token) => {
      if (steps > 10) return new ResponseError(ErrorCodes.InvalidParams, "ten steps are the most", { most: 10 });
      for (let done = 1; done <= steps && !token.isCancellationRequested; done += 1) {
        await connection.sendProgress(step, "copy", done);
        await setTimeout(5);
      }
      return token.isCancellationRequested ? new ResponseError(ErrorCodes.UnknownErrorCode, "cancelled") : "copied";
    });
    connection.onNotification(log, (line) => { lines.push(line); });
    connection.listen();
  });
  await once(server.listen(path), "listening");
  return server;
}
// #endregion

// #region client
export async function callAll(path: string): Promise<unknown[]> {
  const socket = connect(path);
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
  connection.listen();
  const steps: number[] = [];
  connection.onProgress(step, "copy", (done) => { steps.push(done); });
  const result = await connection.sendRequest(copy, { steps: 2 });
  const error: unknown = await connection.sendRequest(copy, { steps: 11 }).catch((reason: unknown) => reason);
  await connection.sendNotification(log, "written down");
  const source = new CancellationTokenSource();
  const cancelled = connection.sendRequest(copy, { steps: 10 }, source.token).catch((reason: unknown) => reason);
  source.cancel();
  await cancelled;
  const batch = await Promise.all([1, 2, 3].map((count) => connection.sendRequest(copy, { steps: count })));
  connection.dispose();
  socket.destroy();
  return [result, steps.slice(0, 2), (error as ResponseError<{ most: number }>).data, batch];
}
// #endregion
