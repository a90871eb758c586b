import type { ServerResponse } from "node:http";

/** Events for a caller over HTTP (`text/event-stream`), with a comment now and then as a sign of life. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(response: ServerResponse, heartbeatMs: number) {
    this.#response = response;
    response.writeHead(200, { "content-type": "text/event-stream", "x-content-type-options": "nosniff", "cache-control": "no-store", "x-accel-buffering": "no" });
    response.flushHeaders();
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(":\n\n");
    }, heartbeatMs);
    response.once("close", () => { clearInterval(this.#heartbeat); });
  }

  /** Sends an event that may be lost: a caller that doesn't read gets none. */
  offer(event: string, json: string): void {
    if (!this.#response.writableNeedDrain && !this.#response.writableEnded) this.#response.write(textOf(event, json));
  }

  /** Sends the last event. */
  end(event: string, json: string): void {
    clearInterval(this.#heartbeat);
    this.#response.end(textOf(event, json));
  }
}

/** JSON may have line breaks between its values; each line of an event begins anew, and is put together again by who reads it. */
function textOf(event: string, json: string): string {
  return `event: ${event}\n${json.split(/\r\n|[\r\n]/).map((line) => `data: ${line}\n`).join("")}\n`;
}
