/** Serves requests, on our own listener or on a bare socket. */
import { acceptedOnceText, encodeFrame, FrameDecoder } from "@acomm/protocol";
import { serve, UnixListener } from "@acomm/transport";
import type { ListenerOptions, Service, ServeOptions } from "@acomm/transport";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { answer } from "../load/answer.ts";
import type { ServerKind } from "../load/room.ts";

interface ListenDetails {
  readonly path: string;
  readonly kind?: ServerKind;
  readonly listener?: ListenerOptions;
  readonly service?: ServeOptions;
}

const services: Service[] = [];
const held: (() => void)[] = [];
const counts = { handled: 0, peakBareConnections: 0, bareConnections: 0 };
let onHeld: (() => void) | undefined;

async function listenOurs({ path, listener: listenerOptions, service }: ListenDetails): Promise<void> {
  const listener = new UnixListener(path, listenerOptions);
  await listener.start();
  services.push(
    serve(
      listener,
      ({ task, args }) => {
        counts.handled += 1;
        if (task === "length") return String(args).length;
        if (task !== "hold") return args;
        onHeld?.();
        return new Promise((resolve) => {
          held.push(() => { resolve(args); });
        });
      },
      service,
    ),
  );
}

async function listenBare({ path, kind }: ListenDetails): Promise<void> {
  const server = createServer({ allowHalfOpen: kind === "once" }, (socket) => {
    counts.bareConnections += 1;
    counts.peakBareConnections = Math.max(counts.peakBareConnections, counts.bareConnections);
    socket.on("error", () => undefined).on("close", () => { counts.bareConnections -= 1; });
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => {
      decoder.scan(chunk, (source, start, end) => {
        counts.handled += 1;
        if (kind === "once") socket.end(encodeFrame(acceptedOnceText));
        else {
          const { id, args } = JSON.parse(Buffer.from(source.subarray(start, end)).toString()) as { readonly id: string; readonly args: unknown };
          socket.write(encodeFrame(JSON.stringify({ id, error: "", result: args })));
        }
      });
    });
  });
  server.listen({ path, backlog: 4096 });
  await once(server, "listening");
}

answer({
  listen: (details: ListenDetails) => (details.kind === undefined || details.kind === "acomm" ? listenOurs(details) : listenBare(details)),
  async listenMany({ directory, count, listener }: { readonly directory: string; readonly count: number; readonly listener?: ListenerOptions }) {
    for (let index = 0; index < count; index += 1) await listenOurs({ path: join(directory, `${index}.sock`), ...(listener === undefined ? {} : { listener }) });
  },
  counts: () => ({ ...counts, held: held.length, inFlight: services.reduce((sum, { inFlightCount }) => sum + inFlightCount, 0) }),
  async untilHeld({ count }: { readonly count: number }) {
    while (held.length < count) {
      await new Promise<void>((resolve) => {
        onHeld = resolve;
      });
    }
  },
  release() {
    for (const release of held.splice(0)) release();
  },
  async stop() {
    for (const service of services.splice(0)) await service.stop({ graceMs: 1000 });
  },
});
