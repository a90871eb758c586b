import { AcommError, badField, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { ServerOptions as TlsServerOptions } from "node:https";
import { isIPv6 } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { defaultMaxConnections } from "../descriptors.ts";
import { report } from "../diagnostics.ts";
import type { ErrorHook } from "../diagnostics.ts";
import { translateNodeError } from "../node-error.ts";
import { nodeHttp, nodeHttps } from "../node-modules.ts";
import type { StopOptions, StopReport } from "../transport.ts";
import { checkCount, checkGraceMs, checkStarted, checkTimeoutMs, stoppedError } from "../wait.ts";
import { withinGrace } from "../within-grace.ts";
import type { HttpHandler } from "./message-handler.ts";
import { refuse } from "./answer.ts";

/** What an {@link HttpDoor} takes. */
export interface HttpDoorOptions {
  /** Handlers by path, such as `{ "/": createRequestHandler(…) }`; `route` adds more. @default none */
  readonly routes?: Readonly<Record<string, HttpHandler>> | undefined;
  /** @default 127.0.0.1: only this machine gets in */
  readonly host?: string | undefined;
  /** @default 0: one that is free */
  readonly port?: number | undefined;
  /**
   * The host names, without port, by which it may be addressed: against DNS rebinding. @default `host`, and loopback's names where
   * it is one
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Such as `https://example.com`: whose pages may call it and read answers (CORS). @default none */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** What such a page may send, in lower case. @default content-type */
  readonly allowedHeaders?: readonly string[] | undefined;
  /** Makes it HTTPS; with `ca`, callers must show a certificate of that authority. @default plain HTTP */
  readonly tls?: Pick<TlsServerOptions, "ca" | "cert" | "key" | "pfx" | "passphrase" | "minVersion"> | undefined;
  /** How long the headers of a request may take, and a new connection may be silent. @default 10 000 */
  readonly headersTimeoutMs?: number | undefined;
  /** For a request with its body to arrive. @default 30 000 */
  readonly requestTimeoutMs?: number | undefined;
  /** How many headers a request may have. @default 100 */
  readonly maxHeaders?: number | undefined;
  /** Request line and headers together. @default 16 KiB */
  readonly maxHeaderBytes?: number | undefined;
  /** Open connections; more are closed. @default 1024, at most a quarter of the file descriptors */
  readonly maxConnections?: number | undefined;
  /** Gets what a handler throws; the caller gets a bare 500. @default only `node:diagnostics_channel` gets it */
  readonly onError?: ErrorHook | undefined;
}

/** How often Node looks for connections that are late, in milliseconds. */
const checkIntervalMs = 1000;
const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

/**
 * The guarded door to the outside: an HTTP server with limits. It answers to its own names, lets no foreign web page in, and
 * refuses malformed requests.
 */
export class HttpDoor implements AsyncDisposable {
  readonly #server: Server;
  readonly #routes = new Map<string, HttpHandler>();
  readonly #scheme: "http" | "https";
  readonly #host: string;
  readonly #port: number;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #allowedOrigins: ReadonlySet<string>;
  readonly #allowedHeaders: string;
  readonly #maxHeaders: number;
  readonly #onError: ErrorHook | undefined;
  /** How many requests have no whole response. */
  #underWay = 0;
  /** All connections, also those in their TLS handshake. */
  readonly #open = new Set<Socket>();
  /** The connections that end because of a request that was not let in. */
  readonly #refused = new WeakSet<Socket>();
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;
  #onIdle: (() => void) | undefined;

  /** @throws `bad_field` */
  constructor(options: HttpDoorOptions = {}) {
    const { host = "127.0.0.1", port = 0, tls } = options;
    for (const [path, handler] of Object.entries(options.routes ?? {})) this.route(path, handler);
    this.#host = host;
    this.#port = checkPort(port);
    this.#scheme = tls === undefined ? "http" : "https";
    this.#allowedHosts = new Set((options.allowedHosts ?? ownNames(host)).map((name) => name.toLowerCase()));
    this.#allowedOrigins = new Set(options.allowedOrigins);
    this.#allowedHeaders = (options.allowedHeaders ?? ["content-type"]).join(", ");
    this.#maxHeaders = checkCount(options.maxHeaders ?? 100, "maxHeaders");
    this.#onError = options.onError;
    const requestTimeout = checkTimeoutMs(options.requestTimeoutMs ?? 30_000, "requestTimeoutMs");
    const limits: ServerOptions = {
      headersTimeout: Math.min(checkTimeoutMs(options.headersTimeoutMs ?? 10_000, "headersTimeoutMs"), requestTimeout), // Node refuses more
      requestTimeout,
      connectionsCheckingInterval: Math.min(checkIntervalMs, options.headersTimeoutMs ?? checkIntervalMs, options.requestTimeoutMs ?? checkIntervalMs),
      maxHeaderSize: checkCount(options.maxHeaderBytes ?? 16 * 1024, "maxHeaderBytes"),
      insecureHTTPParser: false,
    };
    const listener = (request: IncomingMessage, response: ServerResponse): void => { this.#take(request, response); };
    this.#server = tls === undefined
      ? nodeHttp().createServer(limits, listener)
      : nodeHttps().createServer({ ...limits, ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined, handshakeTimeout: limits.headersTimeout ?? 0 }, listener);
    this.#server.maxHeadersCount = this.#maxHeaders + 1; // one more than may be, so that more are seen
    const maxConnections = checkCount(options.maxConnections ?? defaultMaxConnections(), "maxConnections");
    this.#server.maxConnections = maxConnections;
    const isBun = process.versions["bun"] !== undefined; // which doesn't heed maxConnections
    this.#server.on("connection", (socket: Socket) => {
      if (isBun && this.#open.size >= maxConnections) {
        socket.destroy();
        return;
      }
      this.#open.add(socket);
      socket.once("close", () => { this.#open.delete(socket); });
    });
    this.#server.on("error", () => undefined); // an accept that failed concerns the one who connected
  }

  /** Where it is reached, with the path `/`. @throws `unavailable` before the start */
  get url(): AcommUrl {
    const address = this.#server.address() as AddressInfo | null;
    return checkStarted(address === null ? undefined : parseUrl(`${this.#scheme}://${isIPv6(this.#host) ? `[${this.#host}]` : this.#host}:${address.port}/`), "door");
  }

  /** Serves a path, exactly as written; others are 404. @throws `bad_field` where it is no plain path */
  route(path: string, handler: HttpHandler): void {
    if (!/^\/[\w./-]*$/.test(path)) throw badField(`routes: ${JSON.stringify(path)} is no plain path: begin it with / and leave out queries and escapes`);
    this.#routes.set(path, handler);
  }

  /** Listens. Idempotent. @throws `bad_address` where the port is taken, `stopping` after a stop */
  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(stoppedError("door"));
    this.#starting ??= new Promise((resolve, reject) => {
      const failed = (error: Error): void => { reject(translateNodeError(error, `listen at ${this.#host}:${this.#port}`)); };
      this.#server.once("error", failed);
      this.#server.listen({ host: this.#host, port: this.#port, backlog: 4096 }, () => {
        this.#server.off("error", failed);
        resolve();
      });
    });
    return this.#starting;
  }

  /** Takes no more, waits for requests under way, then cuts them. Idempotent, also during the start. @throws `bad_field` */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const graceMs = checkGraceMs(options.graceMs);
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<StopReport> {
    await this.#starting?.catch(() => undefined); // its error went to whoever called start()
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    if (this.#underWay > 0 && graceMs > 0) {
      await withinGrace(graceMs, (over) => { this.#onIdle = over; });
    }
    const cutConnections = this.#underWay;
    this.#server.closeAllConnections(); // a body that is half here, or a connection that never asked anything, is not work
    for (const socket of this.#open) socket.destroy(); // nor is one in its TLS handshake, which Node would not close, but wait for
    await closed;
    return { cut: [], cutConnections };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refused.has(request.socket)) return; // it was written behind one that was not let in, and the connection ends
    this.#underWay += 1;
    response.once("close", () => {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    });
    const refusal = this.#refusalOf(request);
    const handler = this.#routes.get(pathOf(request));
    if (refusal !== undefined) {
      this.#refused.add(request.socket); // what follows it on the connection is not looked at
      refuse(response, ...refusal, { connection: "close" });
      return;
    }
    const { origin } = request.headers;
    if (origin !== undefined) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("vary", "origin");
    }
    if (request.method === "OPTIONS" && origin !== undefined) {
      // a browser asks before it posts JSON for a page of another origin
      response.writeHead(204, { "access-control-allow-methods": "GET, POST", "access-control-allow-headers": this.#allowedHeaders, "access-control-max-age": "600" }).end();
    } else if (handler === undefined) {
      refuse(response, 404, "nothing is served at this path");
    } else {
      void this.#run(handler, request, response);
    }
  }

  async #run(handler: HttpHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await handler(request, response);
    } catch (cause) {
      report(this.#onError, new AcommError("remote", `the handler of ${pathOf(request)} failed`, { cause }));
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "the handler failed", { connection: "close" });
    }
  }

  /** Why a request is not let in: what Node's parser lets through, but a proxy or a browser may have been tricked into. */
  #refusalOf(request: IncomingMessage): readonly [status: number, text: string] | undefined {
    const { rawHeaders, headers, url = "" } = request;
    if (this.#stopping !== undefined) return [503, "stopping: send it elsewhere"];
    if (rawHeaders.length / 2 > this.#maxHeaders) return [431, `the request has more than ${this.#maxHeaders} headers`];
    if (!url.startsWith("/")) return [400, "the request target must be a path: this is no proxy"];
    const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
    if (hosts !== 1) return [400, "the request must have one Host"];
    if (!this.#allowedHosts.has(hostName(headers.host ?? ""))) return [403, "this Host is not served: name it in allowedHosts"];
    if (headers.origin !== undefined && !this.#allowedOrigins.has(headers.origin)) return [403, "this Origin is not let in: name it in allowedOrigins"];
    return undefined;
  }
}

function checkPort(port: number): number {
  if (port <= 65_535) return checkCount(port, "port", 0);
  throw badField(`port must be at most 65535, but is ${port}`);
}

/** The names of an address that one may be reached by without naming any. */
function ownNames(host: string): readonly string[] {
  const name = isIPv6(host) ? `[${host}]` : host.toLowerCase();
  if (loopbackNames.includes(name)) return loopbackNames;
  if (name === "0.0.0.0" || name === "[::]") throw badField(`host ${host} means every address: say in allowedHosts by which names callers reach it`);
  return [name];
}

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}

function pathOf(request: IncomingMessage): string {
  const { url = "" } = request;
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}
