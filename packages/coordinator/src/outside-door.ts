import { parseUrl } from "@acomm/protocol";
import type { AcommUrl, Response } from "@acomm/protocol";
import { checkCount, checkTimeoutMs, createRequestHandler, createResponseHandler, createStreamProxyHandler, HttpDoor, requireBearerToken } from "@acomm/transport";
import type { CutWork, ErrorHook, HttpHandler, StopReport, StreamSigner, TransportRegistry } from "@acomm/transport";
import type { CoordinatorHttpOptions } from "./coordinator-options.ts";
import { HttpCalls } from "./http-calls.ts";
import type { HttpCallsInit } from "./http-calls.ts";

/** What an {@link OutsideDoor} works with. */
export interface OutsideDoorInit extends Pick<HttpCallsInit, "forwarder" | "hooks" | "defaultTimeoutMs" | "maxInFlight"> {
  readonly http: CoordinatorHttpOptions;
  readonly signer: StreamSigner;
  readonly registry: TransportRegistry;
  /** Takes a response to a request that went to another coordinator. */
  readonly takeResponse: (response: Response) => void;
  readonly isRunning: () => boolean;
  readonly onError: ErrorHook | undefined;
}

/** What a page of another origin may send. */
const corsHeaders = ["content-type", "authorization", "prefer"];
const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

/** The HTTP side of a coordinator: `POST /`, `POST /proxy`, `GET /stream` and `GET /healthz`. */
export class OutsideDoor {
  readonly #door: HttpDoor;
  readonly #calls: HttpCalls;
  readonly #allowedHosts: readonly string[];
  readonly #publicUrl: AcommUrl | undefined;
  #url: AcommUrl | undefined;
  #ownHosts: readonly string[] = [];

  /** @throws `bad_field` */
  constructor({ http, forwarder, hooks, defaultTimeoutMs, maxInFlight, signer, registry, takeResponse, isRunning, onError }: OutsideDoorInit) {
    const { publicUrl, tokens, maxWaitMs = 60_000, maxWaiting = 1000, heartbeatMs = 15_000, maxBodyBytes, ...door } = http;
    this.#publicUrl = publicUrl === undefined ? undefined : withSlash(parseUrl(publicUrl, { field: "http.publicUrl" }));
    this.#calls = new HttpCalls({
      forwarder,
      hooks,
      defaultTimeoutMs,
      maxInFlight,
      maxWaiting: checkCount(maxWaiting, "http.maxWaiting"),
      maxWaitMs: checkTimeoutMs(maxWaitMs, "http.maxWaitMs"),
      heartbeatMs: checkTimeoutMs(heartbeatMs, "http.heartbeatMs"),
    });
    this.#allowedHosts = http.allowedHosts ?? loopbackNames;
    const take = createRequestHandler(this.#calls.accept, { maxBodyBytes });
    const routes = {
      "/": tokens === undefined ? take : requireBearerToken(take, tokens),
      "/stream": createStreamProxyHandler({ signer, registry }),
      "/proxy": createResponseHandler(takeResponse, { maxBodyBytes }),
      "/healthz": createHealthHandler(isRunning),
    };
    this.#door = new HttpDoor({ ...door, routes, allowedHeaders: corsHeaders, onError });
  }

  /** Where others reach it; undefined before the start. */
  get url(): AcommUrl | undefined {
    return this.#url;
  }

  /** The `host:port` by which it may be addressed. */
  get ownHosts(): readonly string[] {
    return this.#ownHosts;
  }

  get inFlightCount(): number {
    return this.#calls.inFlightCount;
  }

  /** @throws `bad_address` where the port is taken */
  async start(): Promise<void> {
    await this.#door.start();
    const { url } = this.#door;
    this.#url = this.#publicUrl ?? url;
    this.#ownHosts = [url.host, this.#url.host, ...this.#allowedHosts.map((name) => `${name.toLowerCase()}:${url.port}`)];
  }

  /** Refuses what is new and waits for the answers to what was accepted; the door stays open for them. */
  drain(graceMs: number): Promise<CutWork[]> {
    return this.#calls.stop(graceMs);
  }

  /** Closes the door; streams that are being read may end within the grace. */
  close(graceMs: number): Promise<StopReport> {
    return this.#door.stop({ graceMs });
  }
}

function createHealthHandler(isRunning: () => boolean): HttpHandler {
  return async ({ method }, response) => {
    const isTaken = method === "GET" || method === "HEAD";
    const status = isRunning() ? "ok" : "draining";
    const headers = { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff", ...(isTaken ? undefined : { allow: "GET, HEAD" }) };
    response.writeHead(!isTaken ? 405 : status === "ok" ? 200 : 503, headers).end(JSON.stringify({ status }));
  };
}

/** Paths are put behind it. */
function withSlash(url: AcommUrl): AcommUrl {
  return url.pathname.endsWith("/") ? url : parseUrl(`${url.origin}${url.pathname}/`);
}
