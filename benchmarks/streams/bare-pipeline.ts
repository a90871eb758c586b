import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { StreamAddress, StreamContestant } from "./contestant.ts";
import { Sink, Source } from "./ends.ts";
import { startHttpServer } from "./http-server.ts";

// What Node gives: stream.pipeline between whatever there is, and nothing else.

export const open: StreamContestant["open"] = (size, directory) => serveOne(directory, () => new Source(size));

export const read: StreamContestant["read"] = async ({ url }) => {
  const sink = new Sink();
  await pipeline(url.startsWith("http:") ? await body(url) : dial(url), sink);
  return sink.bytes;
};

export const relay: StreamContestant["relay"] = ({ url }, directory) => serveOne(directory, () => dial(url));

let origin: Promise<string> | undefined;

export const proxy: StreamContestant["proxy"] = async ({ url }) => {
  origin ??= startHttpServer((request, response) => {
    const addr = new URL(request.url ?? "", "http://localhost").searchParams.get("addr") ?? "";
    void pipeline(dial(addr), response);
  });
  return { url: `${await origin}?${new URLSearchParams({ addr: url }).toString()}` };
};

async function serveOne(directory: string, source: () => Readable): Promise<StreamAddress> {
  const path = join(directory, `${randomUUID()}.sock`);
  const server = createServer((socket) => {
    server.close();
    void pipeline(source(), socket);
  });
  server.listen(path);
  await once(server, "listening");
  return { url: `unix://${path}` };
}

function dial(url: string): Socket {
  return connect(url.slice("unix://".length));
}

async function body(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url), "response")) as [IncomingMessage];
  return response;
}
