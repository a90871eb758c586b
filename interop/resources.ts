import { Tracker } from "@acomm/tracker";
import type { TrackerOptions } from "@acomm/tracker";
import { serve, UnixListener } from "@acomm/transport";
import type { RequestHandler, ServeOptions, TargetPolicy } from "@acomm/transport";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { GoPeer } from "./go-peer.ts";

// What a test needs, and what goes when it is over.

/** A private directory. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "acomm-interop-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The Go service, and where it is. */
export async function startGoService(): Promise<{ readonly peer: GoPeer; readonly socket: string; readonly url: string }> {
  const socket = join(await temporaryDirectory(), "go.sock");
  return { peer: await GoPeer.listen("service", "-socket", socket), socket, url: `unix://${socket}` };
}

/** A tracker that is started. */
export async function startTracker(options: TrackerOptions = {}): Promise<Tracker> {
  const tracker = new Tracker(options);
  await tracker.start();
  onTestFinished(async () => { await tracker.stop({ graceMs: 0 }); });
  return tracker;
}

/** A TypeScript service; gives the path of its socket. */
export async function startService(handler: RequestHandler, options: ServeOptions = {}): Promise<string> {
  const listener = new UnixListener(join(await temporaryDirectory(), "ts.sock"));
  await listener.start();
  const service = serve(listener, handler, options);
  onTestFinished(async () => { await service.stop({ graceMs: 0 }); });
  return listener.address;
}

/** An HTTP server on the loopback; gives its origin. */
export async function startHttpServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Admits unix sockets, and HTTP on the loopback, whose ports are not known beforehand. */
export const admitLoopback: TargetPolicy = (url) => url.protocol === "unix:" || (url.protocol === "http:" && url.hostname === "127.0.0.1");
