import { AcommError } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { checkCount, checkTimeoutMs, urlOfSocketPath } from "@acomm/transport";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { dirname, isAbsolute } from "node:path";

/** What happens to the bytes of one direction; what is not named does not happen. */
export interface DirectionFaults {
  /** The longest piece that is passed on at once, in bytes; each is a write of its own. */
  readonly pieceBytes?: number | undefined;
  /** How long each piece is held back, in milliseconds. */
  readonly delayMs?: number | undefined;
  /** How much passes in a second, in bytes. */
  readonly bytesPerSecond?: number | undefined;
  /** After how many bytes nothing more is read, so that the sender's writes pile up; the connection stays open. */
  readonly stallAfterBytes?: number | undefined;
  /** After exactly how many bytes the connection is cut; with 0 when the first byte comes, which does not pass. */
  readonly cutAfterBytes?: number | undefined;
  /** `destroy` closes both sides at once, `end` ends this direction alone and leaves the other open. @default "destroy" */
  readonly cut?: "destroy" | "end" | undefined;
}

/** What happens to one connection. */
export interface ConnectionFaults {
  /** Whether it is closed as soon as it has come; the target hears nothing of it. A unix socket can't refuse a connect itself. */
  readonly refuse?: boolean | undefined;
  /** What happens to what the client sends. @default nothing */
  readonly toTarget?: DirectionFaults | undefined;
  /** What happens to what the target sends. @default nothing */
  readonly toClient?: DirectionFaults | undefined;
}

/** What happens to which connection: the same to each, or decided when it comes. They are counted from 0. */
export type FaultPlan = ConnectionFaults | ((index: number) => ConnectionFaults);

/** What {@link startFaultProxy} takes. */
export interface FaultProxyOptions {
  /** The path of the socket to which everything is passed on. */
  readonly target: string;
  /** @default nothing happens */
  readonly plan?: FaultPlan | undefined;
}

/** A connection through a {@link FaultProxy}. */
export interface ProxiedConnection {
  /** Its number, in the order in which they came, from 0. */
  readonly index: number;
  /** How many bytes have passed. */
  readonly bytesToTarget: number;
  /** How many bytes have passed the other way. */
  readonly bytesToClient: number;
  /** Resolves when both sides are closed. */
  readonly closed: Promise<void>;
  /** Closes both sides now. What was passed on is with the kernel, what was not is lost. */
  cut(): void;
}

/**
 * Listens at a path and passes everything on to the socket at `target`, both ways, with the faults that the plan says. So a
 * test sees what a program does with a connection that is slow, stalls, comes in pieces or breaks off at a certain byte.
 *
 * @throws `bad_address`; `bad_field` for a plan that is no such thing
 */
export async function startFaultProxy(socketPath: string, options: FaultProxyOptions): Promise<FaultProxy> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const target = checkPath(options.target);
  const proxy = new FaultProxy(server, checkPath(socketPath), target, options.plan ?? {});
  try {
    await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
    await once(server.listen(socketPath), "listening");
  } catch (cause) {
    throw new AcommError("bad_address", `listen at ${socketPath}: ${(cause as NodeJS.ErrnoException).code ?? "failed"}, choose another path`, { cause });
  }
  return proxy;
}

function checkPath(path: string): string {
  if (isAbsolute(path)) return path;
  throw new AcommError("bad_address", `the socket path ${path} is relative: give an absolute path`);
}

/** A proxy that makes faults, started by {@link startFaultProxy}. */
export class FaultProxy implements AsyncDisposable {
  /** Where callers connect to. */
  readonly url: AcommUrl;
  readonly #server: Server;
  readonly #open = new Set<Relay>();
  #plan: FaultPlan;
  #connectionCount = 0;
  #bytesToTarget = 0;
  #bytesToClient = 0;
  #stopping: Promise<void> | undefined;

  /** @internal use {@link startFaultProxy} */
  constructor(server: Server, socketPath: string, target: string, plan: FaultPlan) {
    this.#server = server;
    this.url = urlOfSocketPath(socketPath);
    this.#plan = checkPlan(plan);
    server.on("connection", (client) => { this.#add(client, target); });
    server.on("error", () => undefined); // `listen` tells who started it; an accept that failed later concerns the client
  }

  /** What happens to the connections that come; those that are open keep what was said when they came. */
  get plan(): FaultPlan {
    return this.#plan;
  }

  /** @throws `bad_field` */
  set plan(plan: FaultPlan) {
    this.#plan = checkPlan(plan);
  }

  /** The connections that are open. */
  get connections(): readonly ProxiedConnection[] {
    return [...this.#open];
  }

  /** How many connections have come. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** How many bytes have passed on all connections, those that are closed included. */
  get bytesToTarget(): number {
    return this.#bytesToTarget;
  }

  /** How many bytes have passed the other way. */
  get bytesToClient(): number {
    return this.#bytesToClient;
  }

  /** Cuts every connection that is open; new ones are taken all the same. */
  cut(): void {
    for (const relay of this.#open) relay.cut();
  }

  /** Takes no more connections and cuts those that are open. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Stops, with the grace that `stop` has by default. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #add(client: Socket, target: string): void {
    client.on("error", () => undefined); // its close says enough
    const index = this.#connectionCount;
    this.#connectionCount += 1;
    let faults: ConnectionFaults = { refuse: true };
    try {
      faults = typeof this.#plan === "function" ? checkFaults(this.#plan(index)) : this.#plan;
    } catch {
      // a plan that throws, or gives no faults, refuses: it must not end the process
    }
    if (faults.refuse === true || this.#stopping !== undefined) {
      client.destroy();
      return;
    }
    const relay = new Relay(index, client, target, faults, {
      toTarget: (bytes) => { this.#bytesToTarget += bytes; },
      toClient: (bytes) => { this.#bytesToClient += bytes; },
    });
    this.#open.add(relay);
    void relay.closed.then(() => this.#open.delete(relay));
  }

  async #stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    const open = [...this.#open];
    this.cut();
    await Promise.all([closed, ...open.map((relay) => relay.closed)]);
  }
}

/** One connection: the client's socket, ours to the target, and what is carried between them. */
class Relay implements ProxiedConnection {
  readonly index: number;
  readonly closed: Promise<void>;
  bytesToTarget = 0;
  bytesToClient = 0;
  readonly #sockets: readonly [client: Socket, target: Socket];
  readonly #cut = new AbortController();

  constructor(index: number, client: Socket, targetPath: string, faults: ConnectionFaults, count: { readonly toTarget: (bytes: number) => void; readonly toClient: (bytes: number) => void }) {
    this.index = index;
    const target = connect({ path: targetPath, allowHalfOpen: true });
    target.on("error", () => undefined); // its close says enough
    this.#sockets = [client, target];
    this.closed = Promise.all([this.#followed(client, target), this.#followed(target, client)]).then(() => { this.#cut.abort(); });
    void this.#carry(client, target, faults.toTarget ?? {}, (bytes) => {
      this.bytesToTarget += bytes;
      count.toTarget(bytes);
    });
    void this.#carry(target, client, faults.toClient ?? {}, (bytes) => {
      this.bytesToClient += bytes;
      count.toClient(bytes);
    });
  }

  cut(): void {
    this.#cut.abort();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when a socket is closed. One that was not ended in order, both ways, takes the other with it. */
  async #followed(socket: Socket, other: Socket): Promise<void> {
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
    if (!socket.readableEnded || !socket.writableFinished) other.destroy();
  }

  /** Passes on what comes from one side to the other, as the faults say. Never rejects. */
  async #carry(from: Socket, to: Socket, faults: DirectionFaults, passed: (bytes: number) => void): Promise<void> {
    const { pieceBytes = Infinity, delayMs = 0, bytesPerSecond = Infinity, stallAfterBytes = Infinity, cutAfterBytes = Infinity } = faults;
    const startedAt = performance.now();
    // a slow rate is shown by small pieces, not by long pauses
    const longest = Math.min(pieceBytes, Math.max(Math.floor(bytesPerSecond / 50), 1));
    let bytes = 0;
    const isOver = (): boolean => {
      if (bytes >= cutAfterBytes) {
        if (faults.cut === "end") to.end();
        else this.cut();
      }
      return bytes >= cutAfterBytes || bytes >= stallAfterBytes;
    };
    try {
      if (stallAfterBytes === 0) return;
      for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (let offset = 0; offset < chunk.length;) {
          if (isOver()) return;
          const piece = chunk.subarray(offset, offset + Math.min(longest, cutAfterBytes - bytes, stallAfterBytes - bytes));
          await this.#wait(Math.max(delayMs, startedAt + (1000 * bytes) / bytesPerSecond - performance.now()));
          if (!(await written(to, piece))) return;
          offset += piece.length;
          bytes += piece.length;
          passed(piece.length);
          if (isOver()) return;
        }
      }
      to.end();
    } catch {
      this.cut(); // the side that it came from broke off
    }
  }

  /** Waits, but no longer than the connection lives. */
  async #wait(ms: number): Promise<void> {
    const { signal } = this.#cut;
    if (ms <= 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }
}

/** Whether the bytes are with the kernel. */
function written(to: Socket, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    to.write(bytes, (error) => { resolve(error == null); });
  });
}

function checkPlan(plan: FaultPlan): FaultPlan {
  return typeof plan === "function" ? plan : checkFaults(plan);
}

function checkFaults(faults: ConnectionFaults): ConnectionFaults {
  for (const direction of ["toTarget", "toClient"] as const) {
    const { pieceBytes, delayMs, bytesPerSecond, stallAfterBytes, cutAfterBytes } = faults[direction] ?? {};
    if (pieceBytes !== undefined) checkCount(pieceBytes, `${direction}.pieceBytes`);
    if (delayMs !== undefined && delayMs !== 0) checkTimeoutMs(delayMs, `${direction}.delayMs`);
    if (bytesPerSecond !== undefined) checkCount(bytesPerSecond, `${direction}.bytesPerSecond`);
    if (stallAfterBytes !== undefined) checkCount(stallAfterBytes, `${direction}.stallAfterBytes`, 0);
    if (cutAfterBytes !== undefined) checkCount(cutAfterBytes, `${direction}.cutAfterBytes`, 0);
  }
  return faults;
}
