/** Clients on bare sockets: many at once, silent ones, ones that never read, one after the other. */
import { encodeFrame, FrameDecoder } from "@acomm/protocol";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { answer } from "../load/answer.ts";
import { quantile } from "../load/finding.ts";

/** What became of one request. */
type Outcome = "answered" | "refused" | "lost";

interface Client {
  readonly socket: Socket;
  isClosed: boolean;
}

let clients: Client[] = [];
let count = 0;
let retries = 0;
let onClosed: (() => void) | undefined;

/** Connects; a full backlog answers at once and is asked again, as every client of a busy service must. */
async function connectTo(path: string): Promise<Socket> {
  const until = performance.now() + 10_000;
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = connect({ path, allowHalfOpen: true });
        socket.once("error", reject).once("connect", () => {
          socket.off("error", reject);
          resolve(socket);
        });
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() > until) throw error;
      retries += 1;
      await delay(5 + Math.random() * 20);
    }
  }
}

function requestText(args: unknown, task = "echo"): string {
  count += 1;
  return JSON.stringify({ id: `raw-${count}`, task, responsehook: null, stream_url: null, args, ext: { reply: true } });
}

/** Sends one request and waits for its frames: of our own service the acknowledgement and the answer. */
function exchange(socket: Socket, text: string, frames: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const decoder = new FrameDecoder();
    let seen = 0;
    const finish = (outcome: Outcome): void => {
      socket.off("data", onData).off("close", onLost).off("end", onLost);
      resolve(outcome);
    };
    const onLost = (): void => { finish("lost"); };
    const onData = (chunk: Buffer): void => {
      decoder.scan(chunk, (source, start, end) => {
        const { error } = JSON.parse(Buffer.from(source.subarray(start, end)).toString()) as { readonly error: string };
        seen += 1;
        if (error !== "") finish("refused");
        else if (seen === frames) finish("answered");
      });
    };
    socket.on("data", onData).once("close", onLost).once("end", onLost);
    socket.write(encodeFrame(text));
  });
}

function tally(outcomes: readonly Outcome[]): Record<Outcome, number> {
  const sum = { answered: 0, refused: 0, lost: 0 };
  for (const outcome of outcomes) sum[outcome] += 1;
  return sum;
}

/** Runs `step` that many times, some at once; gives how long it took. */
async function repeat(total: number, atOnce: number, step: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let begun = 0;
  const loop = async (): Promise<void> => {
    while (begun < total) {
      begun += 1;
      await step();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return performance.now() - startedAt;
}

answer({
  /** Connects all at once and holds the connections. */
  async connect({ path, connections, isReading = true }: { readonly path: string; readonly connections: number; readonly isReading?: boolean }) {
    const startedAt = performance.now();
    retries = 0;
    const sockets = await Promise.allSettled(Array.from({ length: connections }, () => connectTo(path)));
    for (const settled of sockets) {
      if (settled.status === "rejected") continue;
      const client: Client = { socket: settled.value, isClosed: false };
      client.socket.on("error", () => undefined).once("close", () => {
        client.isClosed = true;
        onClosed?.();
      });
      // the other side's end is ours, as with any client that goes by the end of its input
      client.socket.once("end", () => client.socket.end());
      if (isReading) client.socket.resume();
      else client.socket.pause();
      clients.push(client);
    }
    const failed = sockets.filter(({ status }) => status === "rejected").length;
    return { connected: connections - failed, failed, retries, tookMs: performance.now() - startedAt };
  },
  /** One request on each connection, all at once. */
  async callOnEach({ args = { text: "x".repeat(100) }, task = "echo", frames = 2 }: { readonly args?: unknown; readonly task?: string; readonly frames?: number }) {
    const startedAt = performance.now();
    const outcomes = await Promise.all(clients.map(async ({ socket, isClosed }): Promise<Outcome> => (isClosed ? "lost" : exchange(socket, requestText(args, task), frames))));
    return { ...tally(outcomes), tookMs: performance.now() - startedAt };
  },
  /** One request of that many bytes on each connection. */
  async callLarge({ bytes }: { readonly bytes: number }) {
    const args = "x".repeat(bytes);
    return tally(await Promise.all(clients.map(({ socket }) => exchange(socket, requestText(args, "length"), 2))));
  },
  openCount: () => clients.filter(({ isClosed }) => !isClosed).length,
  /** Waits until the other side has closed all but `left`. */
  async untilClosed({ left = 0 }: { readonly left?: number }) {
    const startedAt = performance.now();
    while (clients.filter(({ isClosed }) => !isClosed).length > left) {
      await new Promise<void>((resolve) => {
        onClosed = resolve;
      });
      await delay(1); // many close in one turn
    }
    return performance.now() - startedAt;
  },
  async close() {
    const open = clients.filter(({ isClosed }) => !isClosed);
    clients = [];
    await Promise.all(open.map(({ socket }) => new Promise((resolve) => {
      socket.once("close", resolve);
      socket.destroy();
    })));
  },
  /** A connection for each request, `atOnce` clients side by side. */
  async churn({ path, total, atOnce, frames }: { readonly path: string; readonly total: number; readonly atOnce: number; readonly frames: number }) {
    const outcomes = { answered: 0, refused: 0, lost: 0 };
    const latencies: number[] = [];
    const args = { text: "x".repeat(100) };
    const tookMs = await repeat(total, atOnce, async () => {
      const startedAt = performance.now();
      const socket = await connectTo(path);
      socket.on("error", () => undefined);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      outcomes[await exchange(socket, requestText(args), frames)] += 1;
      socket.destroy();
      await closed;
      latencies.push(performance.now() - startedAt);
      if (latencies.length > 100_000) latencies.length = 0;
    });
    return { ...outcomes, perSecond: (total * 1000) / tookMs, p99Ms: quantile(latencies, 0.99), tookMs };
  },
  /** One kept connection with so many requests in flight, for a while, against a bare server. */
  async pipelined({ path, inFlight, forMs }: { readonly path: string; readonly inFlight: number; readonly forMs: number }) {
    const socket = await connectTo(path);
    const decoder = new FrameDecoder();
    const args = { text: "x".repeat(100) };
    const startedAt = performance.now();
    let answered = 0;
    let isOver = false;
    const done = new Promise<void>((resolve) => socket.once("close", () => { resolve(); }));
    let outbox: Uint8Array[] = [];
    const ask = (): void => {
      outbox.push(encodeFrame(requestText(args)));
    };
    const flush = (): void => {
      if (outbox.length > 0) socket.write(Buffer.concat(outbox));
      outbox = [];
    };
    socket.on("data", (chunk) => {
      decoder.scan(chunk, (source, start, end) => {
        JSON.parse(Buffer.from(source.subarray(start, end)).toString());
        answered += 1;
        if (!isOver) ask();
      });
      flush();
      if (performance.now() - startedAt < forMs) return;
      isOver = true;
      socket.destroy();
    });
    for (let index = 0; index < inFlight; index += 1) ask();
    flush();
    await done;
    return { perSecond: (answered * 1000) / (performance.now() - startedAt) };
  },
});
