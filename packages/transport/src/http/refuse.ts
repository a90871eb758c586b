import type { ServerResponse } from "node:http";

/** Answers with a status and a line of text that nobody may keep or take for something else. */
export function refuse(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  if (response.headersSent || response.destroyed) return; // the other side has left
  const body = `${text}\n`;
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(body), "x-content-type-options": "nosniff", "cache-control": "no-store", ...headers });
  response.end(body);
}
