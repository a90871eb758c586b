import { parseUrl } from "@acomm/protocol";
import { createStreamProxyHandler, openStream, serveUnixStream, stream, StreamSigner } from "@acomm/transport";
import type { UnixStream } from "@acomm/transport";
import type { StreamAddress, StreamContestant } from "./contestant.ts";
import { Sink, Source } from "./ends.ts";
import { startHttpServer } from "./http-server.ts";

// What a user writes: streams that show their end, limits and timeouts on.

export const open: StreamContestant["open"] = async (size, directory) => addressOf(await serveUnixStream(() => new Source(size), { directory }));

export const read: StreamContestant["read"] = async (address) => stream(new Sink(), urlOf(address));

export const relay: StreamContestant["relay"] = async (address, directory) => addressOf(await serveUnixStream(() => openStream(urlOf(address)), { directory }));

const signer = new StreamSigner();
let origin: Promise<string> | undefined;

export const proxy: StreamContestant["proxy"] = async (address) => {
  const handler = createStreamProxyHandler({ signer });
  origin ??= startHttpServer((request, response) => void handler(request, response));
  return { url: signer.sign(await origin, urlOf(address)).href };
};

/** The URL of a message remembers what else the address says. */
export function urlOf({ url, streamEnd }: StreamAddress): URL {
  return parseUrl(url, { streamEnd });
}

function addressOf({ url }: UnixStream): StreamAddress {
  return { url: url.href, streamEnd: url.streamEnd };
}
