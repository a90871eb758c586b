import type { ServerResponse } from "node:http";

/** Of a body that nobody may keep or take for something else. */
export const guardedHeaders: Readonly<Record<string, string>> = { "x-content-type-options": "nosniff", "cache-control": "no-store" };

/** Answers with a status and a line of text. */
export function refuse(response: ServerResponse, status: number, text: string, headers?: Readonly<Record<string, string>>): void {
  answer(response, status, "text/plain; charset=utf-8", `${text}\n`, headers);
}

/** Answers with a status and a whole body, as long as the other side is there. */
export function answer(response: ServerResponse, status: number, type: string, body: string, headers?: Readonly<Record<string, string>>): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), ...guardedHeaders, ...headers });
  response.end(body);
}
