import { AcommError, decodeAcknowledgement } from "@acomm/protocol";
import type { AcommErrorCode, AcommUrl } from "@acomm/protocol";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { AgentOptions as TlsOptions } from "node:https";
import { translateNodeError } from "../node-error.ts";
import { nodeHttp, nodeHttps } from "../node-modules.ts";
import { StreamReader } from "../stream-reader.ts";
import type { StreamOptions, Transport, WaitOptions } from "../transport.ts";
import { checkCount, checkTimeoutMs, closedError, waitFor } from "../wait.ts";

/** What {@link createHttpTransport} takes. */
export interface HttpTransportOptions {
  /** Connections at once to one origin. @default 64 */
  readonly maxSockets?: number | undefined;
  /** As `node:tls` takes them. @default Node's authorities, TLS 1.2 and newer */
  readonly tls?: Pick<TlsOptions, "ca" | "cert" | "key" | "pfx" | "passphrase" | "servername" | "minVersion"> | undefined;
}

/** The longest acknowledgement that is read, in bytes. */
const maxAckBytes = 64 * 1024;
const connectTimeoutMs = 10_000;
/** Where NODE_USE_ENV_PROXY is set, Deno gives the environment's proxy to every agent that doesn't say so. */
const withoutProxy: object = { proxyEnv: {} };

/** The transport for `http:` and `https:`. No redirects, no decompression, no proxy settings; certificates are always verified. */
export function createHttpTransport(options: HttpTransportOptions = {}): Transport {
  const maxSockets = checkCount(options.maxSockets ?? 64, "maxSockets");
  const { tls = {} } = options;
  let httpAgent: Agent | undefined;
  let httpsAgent: Agent | undefined;
  const stopped = new AbortController();

  const open = (url: AcommUrl, method: "GET" | "POST", headers: Record<string, string | number>): ClientRequest => {
    const options = { method, headers: { ...headers, "accept-encoding": "identity" } };
    if (url.protocol !== "https:") {
      httpAgent ??= new (nodeHttp().Agent)({ ...withoutProxy, keepAlive: true, maxSockets });
      return nodeHttp().request(url, { ...options, agent: httpAgent });
    }
    httpsAgent ??= new (nodeHttps().Agent)({ ...withoutProxy, minVersion: "TLSv1.2", ...tls, rejectUnauthorized: true, keepAlive: true, maxSockets });
    return nodeHttps().request(url, { ...options, agent: httpsAgent });
  };

  return {
    schemes: ["http", "https"],
    send(url, text, wait) {
      const doing = `send to ${url.origin}`;
      return exchange(doing, wait, stopped.signal, () => open(url, "POST", { "content-type": "application/json", "content-length": Buffer.byteLength(text) }), text, async (response) => {
        if (response.statusCode !== 200) {
          response.destroy();
          throw statusError(response.statusCode ?? 0, doing);
        }
        const body = await readAll(response, doing);
        try {
          return decodeAcknowledgement(body);
        } catch (cause) {
          throw new AcommError("ambiguous", `${doing}: the body of the answer is no acknowledgement`, { cause });
        }
      });
    },
    async openStream(url, { signal, timeoutMs = connectTimeoutMs, idleTimeoutMs }: StreamOptions) {
      const doing = `read the stream at ${url.origin}`;
      if (idleTimeoutMs !== undefined) checkTimeoutMs(idleTimeoutMs, "idleTimeoutMs");
      return exchange(doing, { signal, timeoutMs }, stopped.signal, () => open(url, "GET", {}), undefined, async (response) => {
        if (response.statusCode !== 200) {
          response.destroy();
          throw streamStatusError(response.statusCode ?? 0, doing);
        }
        return new StreamReader(response, { idleTimeoutMs, signal, doing });
      });
    },
    close() {
      stopped.abort(closedError());
      httpAgent?.destroy();
      httpsAgent?.destroy();
      return Promise.resolve();
    },
  };
}

function exchange<Value>(
  doing: string,
  wait: WaitOptions,
  stopped: AbortSignal,
  open: () => ClientRequest,
  body: string | undefined,
  read: (response: IncomingMessage) => Promise<Value>,
): Promise<Value> {
  return waitFor<Value>(doing, wait, (resolve, reject) => {
    if (stopped.aborted) {
      reject(stopped.reason as Error);
      return;
    }
    const request = open();
    let isConnected = false;
    let hasResponse = false;
    const onStop = (): void => {
      reject(stopped.reason as Error);
      request.destroy();
    };
    stopped.addEventListener("abort", onStop);
    request.once("close", () => {
      stopped.removeEventListener("abort", onStop);
      // a server that switches protocols, for instance
      if (!hasResponse) reject(new AcommError(body === undefined ? "unavailable" : "ambiguous", `${doing}: the exchange ended without an answer`));
    });
    request.once("socket", (socket) => {
      // over TLS nothing is sent before the server has shown who it is
      const isTls = "secureConnecting" in socket;
      if (!socket.connecting && !(isTls && socket.secureConnecting === true)) isConnected = true;
      else socket.once(isTls ? "secureConnect" : "connect", () => { isConnected = true; });
    });
    request.on("error", (error) => {
      const translated = translateNodeError(error, doing);
      if (hasResponse) return;
      // what was on its way may have been accepted
      reject(isConnected && body !== undefined ? new AcommError("ambiguous", `${doing}: the exchange broke off: ${translated.message}`, { cause: error }) : translated);
    });
    request.once("response", (response) => {
      hasResponse = true;
      read(response).then(resolve, reject);
    });
    request.end(body);
    return (error) => { request.destroy(error); };
  });
}

async function readAll(response: IncomingMessage, doing: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxAckBytes) throw new AcommError("ambiguous", `${doing}: the body of the answer has more than ${maxAckBytes} bytes: it is no acknowledgement`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof AcommError ? error : new AcommError("ambiguous", `${doing}: the answer broke off`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function statusError(status: number, doing: string): AcommError {
  const code: AcommErrorCode = status === 413 ? "frame_too_large" : status === 429 || status === 503 ? "overloaded" : status >= 500 || status < 300 ? "ambiguous" : "undeliverable";
  return new AcommError(code, `${doing}: ${answeredWith(status, " instead of an acknowledgement")}`);
}

function streamStatusError(status: number, doing: string): AcommError {
  const code: AcommErrorCode = status === 401 || status === 403 ? "forbidden_target" : status === 404 || status === 410 || status >= 500 ? "unavailable" : "undeliverable";
  return new AcommError(code, `${doing}: ${answeredWith(status)}`);
}

function answeredWith(status: number, insteadOf = ""): string {
  return `the server answered with status ${status}${insteadOf}${status >= 300 && status < 400 ? "; redirects are not followed" : ""}`;
}
