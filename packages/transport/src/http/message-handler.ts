import { acceptedOnceText, AcommError, decodeRequest, decodeResponse, defaultMaxFrameBytes, encodeRefusal } from "@acomm/protocol";
import type { Request, Response } from "@acomm/protocol";
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkCount, checkDepth, checkTimeoutMs } from "../wait.ts";
import { answer } from "./answer.ts";

const jsonType = "application/json";

/** For `node:http`, Express and their kind. Never rejects; settles when the answer is written. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** For who answers in another way: what is written to `outgoing` replaces the acknowledgement. */
export interface HttpExchange {
  /** Its body has been read. */
  readonly incoming: IncomingMessage;
  /** Nothing is written to it yet. */
  readonly outgoing: ServerResponse;
}

/** The limits of {@link createRequestHandler} and {@link createResponseHandler}. */
export interface HttpHandlerOptions {
  /** The longest body. @default 16 MiB */
  readonly maxBodyBytes?: number | undefined;
  /** How deep a message may nest, 1 to 5000. @default 256 */
  readonly maxDepth?: number | undefined;
  /** For a body to arrive. @default 30 000 */
  readonly bodyTimeoutMs?: number | undefined;
}

/** Takes requests over HTTP: 200 once `accept` has taken one, a refusal where it throws. Mount it before anything that reads the body. */
export function createRequestHandler(accept: (request: Request, exchange: HttpExchange) => void | Promise<void>, options: HttpHandlerOptions = {}): HttpHandler {
  const maxDepth = checkDepth(options.maxDepth);
  return createHandler((body, exchange) => accept(decodeRequest(body, 0, body.length, maxDepth), exchange), options);
}

/** Takes responses over HTTP, at `http:` response hooks; `accept` is often `tracker.handleResponse`. */
export function createResponseHandler(accept: (response: Response) => void | Promise<void>, options: HttpHandlerOptions = {}): HttpHandler {
  const maxDepth = checkDepth(options.maxDepth);
  return createHandler((body) => accept(decodeResponse(body, maxDepth)), options);
}

/**
 * Takes messages over HTTP as they are: `take` gives the text of the acknowledgement; what it throws is refused. For who reads
 * them elsewhere.
 */
export function createTextHandler(take: (body: Buffer) => Promise<string>, options: HttpHandlerOptions = {}): HttpHandler {
  return createHandler(take, options);
}

/** A refusal by HTTP status: the exchange itself was wrong. */
class StatusError extends AcommError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(status === 413 ? "frame_too_large" : status === 408 ? "timeout" : "bad_frame", message);
    this.status = status;
    this.headers = headers;
  }
}

/** @param take gives the acknowledgement, or nothing where there is nothing to say but "accepted" */
function createHandler(take: (body: Buffer, exchange: HttpExchange) => string | void | Promise<string | void>, options: HttpHandlerOptions): HttpHandler { // eslint-disable-line @typescript-eslint/no-invalid-void-type -- so that a function without a result is taken
  const maxBodyBytes = checkCount(options.maxBodyBytes ?? defaultMaxFrameBytes, "maxBodyBytes");
  const bodyTimeoutMs = checkTimeoutMs(options.bodyTimeoutMs ?? 30_000, "bodyTimeoutMs");
  return async (request, response) => {
    try {
      checkHeaders(request, maxBodyBytes);
      const acknowledgement = await take(await readBody(request, maxBodyBytes, bodyTimeoutMs), { incoming: request, outgoing: response });
      answer(response, 200, jsonType, acknowledgement ?? acceptedOnceText);
    } catch (error) {
      const status = error instanceof StatusError ? error.status : 200;
      // what is left of a body that is not wanted is not read
      const headers = status === 200 ? {} : { ...(error as StatusError).headers, connection: "close" };
      answer(response, status, jsonType, encodeRefusal(error, { keepAlive: false }), headers);
      if (!request.complete) response.once("finish", () => { request.destroy(); });
    }
  };
}

function checkHeaders(request: IncomingMessage, maxBodyBytes: number): void {
  if (request.method !== "POST") throw new StatusError(405, `${request.method ?? ""} is not taken here: POST a message`, { allow: "POST" });
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new StatusError(415, "the Content-Type must be application/json");
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new StatusError(415, "the Content-Encoding must be identity: send the message uncompressed");
  const length = Number(request.headers["content-length"] ?? "0");
  if (length > maxBodyBytes) throw new StatusError(413, `the body has ${length} bytes, the limit is ${maxBodyBytes}`);
  if (request.readableDidRead) throw new StatusError(500, "the body was read before this handler got it: mount the handler before any body parser");
}

function readBody(request: IncomingMessage, maxBodyBytes: number, bodyTimeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => { settle(new StatusError(408, `the body was not complete within ${bodyTimeoutMs} ms`)); }, bodyTimeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      request.off("data", onData);
      if (error !== undefined) {
        request.pause();
        reject(error);
      } else if (bytes === 0) {
        reject(new StatusError(400, "the body is empty: POST the JSON of a message"));
      } else {
        resolve(Buffer.concat(chunks));
      }
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) settle(new StatusError(413, `the body has more than ${maxBodyBytes} bytes`));
      else chunks.push(chunk);
    };
    request.on("data", onData);
    request.once("end", () => { settle(); });
    request.once("error", (error) => { settle(error); });
    request.once("close", () => { settle(new StatusError(400, "the body broke off")); });
  });
}
