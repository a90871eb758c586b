import { AcommError, defaultMaxFrameBytes } from "@acomm/protocol";
import type { Acknowledgement, AcommUrl } from "@acomm/protocol";
import { checkCount, checkTimeoutMs, waitFor } from "@acomm/transport";
import type { Listener, MessageListenerOptions, ServiceNetwork, Transport } from "@acomm/transport";
import { credsAuthenticator } from "@nats-io/transport-node";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { Caller } from "./caller.ts";
import { encodeControl } from "./control.ts";
import { createDurableListener } from "./durable-listener.ts";
import { DurableSender } from "./durable-sender.ts";
import { Link } from "./link.ts";
import { createListener } from "./listener.ts";
import { LongMessages } from "./long-messages.ts";
import { isNoResponders, translateNatsError } from "./nats-error.ts";
import { SentText } from "./sent-text.ts";
import { defaultQueueGroup } from "./service-api.ts";
import { Services } from "./services.ts";
import { Streams } from "./streams.ts";
import { addressOf, authorityOf, checkSubject, urlOf } from "./subjects.ts";
import type { Address } from "./subjects.ts";

/** What {@link createNatsNetwork} takes. */
export interface NatsNetworkOptions extends MessageListenerOptions {
  /** The server, such as `nats://10.0.0.7:4222`, as it stands in the URLs of this network. */
  readonly server: string | URL;
  /** Who this is for the server: what a `.creds` file of its tools holds. @default nobody in particular, or what `connection` says */
  readonly credentials?: Uint8Array | undefined;
  /**
   * For the client library: credentials (`user`, `token`, `authenticator`, …), `tls`, `name`, `inboxPrefix`, and `servers` where the
   * server is one of several. They are used for this server alone, whatever a URL names.
   */
  readonly connection?: Omit<NodeConnectionOptions, "port" | "reconnect" | "maxReconnectAttempts" | "waitOnFirstConnect"> | undefined;
  /** How long connecting may take, in milliseconds. @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the receiver may take to acknowledge, in milliseconds. @default 5000 */
  readonly ackTimeoutMs?: number | undefined;
  /** How long a message waits for a server that was there and is gone, in milliseconds; then it is `unavailable`. @default 30 000 */
  readonly reconnectTimeoutMs?: number | undefined;
}

/** How {@link NatsNetwork.createListener} listens. */
export interface NatsListenerOptions extends MessageListenerOptions {
  /** Listeners of one group share what comes to their subject; a message goes to one of each group. @default acomm */
  readonly queueGroup?: string | undefined;
  /**
   * Lets the server store what is sent here, with JetStream, until it is done with: accepted means stored, and a request survives
   * the end of every process and of the server. It is handed out at least once. Its URL says so, and its response needs a hook,
   * best one that is durable too. All such listeners of a subject are one group. @default false
   */
  readonly durable?: boolean | DurableOptions | undefined;
}

/** How a durable listener is stored for; the first at a subject decides about the window. */
export interface DurableOptions {
  /** How long an id is known, so that what is sent again is stored once, in milliseconds. @default 120 000 */
  readonly duplicateWindowMs?: number | undefined;
  /** After how long without a sign of life a message that was handed out is handed out again, in milliseconds. @default 30 000 */
  readonly ackWaitMs?: number | undefined;
  /** How often a message is handed out at most. @default 20 */
  readonly maxDeliveries?: number | undefined;
  /** How many messages may be handed out at once, to all listeners together. @default 1000 */
  readonly maxInFlight?: number | undefined;
}

/** What reaches one NATS server: a transport, listeners, streams, and the services there, over one connection. */
export interface NatsNetwork extends ServiceNetwork {
  /** For `nats://server/subject`. */
  readonly transport: Transport;
  /** A listener at a subject, such as `disks.info`; by default at one of its own, as for a tracker. @throws `bad_address`, `bad_field` */
  createListener(subject?: string, options?: NatsListenerOptions): Listener;
  /** The URL of a subject. @throws `bad_address` */
  urlOf(subject: string): AcommUrl;
}

const nothing = Buffer.alloc(0);
const defaultStreamTimeoutMs = 5000;

/**
 * A network over a NATS server. The connection is made when it is first needed, made again when it breaks, and closed when the
 * transport is closed and all listeners are stopped.
 *
 * @throws `bad_field`
 */
export function createNatsNetwork(options: NatsNetworkOptions): NatsNetwork {
  const authority = authorityOf(options.server);
  const maxFrameBytes = checkCount(options.maxFrameBytes ?? defaultMaxFrameBytes, "maxFrameBytes");
  const { maxBufferedBytes } = options;
  const connectTimeoutMs = checkTimeoutMs(options.connectTimeoutMs ?? 5000, "connectTimeoutMs");
  const ackTimeoutMs = checkTimeoutMs(options.ackTimeoutMs ?? 5000, "ackTimeoutMs");
  const reconnectTimeoutMs = checkTimeoutMs(options.reconnectTimeoutMs ?? 30_000, "reconnectTimeoutMs");
  const { credentials } = options;
  const identity = credentials === undefined ? undefined : { authenticator: credsAuthenticator(credentials) };
  const link = new Link({ authority, connection: { ...options.connection, ...identity }, connectTimeoutMs });
  const streams = new Streams(link);
  const services = new Services(link);
  const longMessages = new LongMessages(link, streams, maxFrameBytes);
  const caller = new Caller({ link, longMessages, maxFrameBytes, ackTimeoutMs, reconnectTimeoutMs });
  const durableSender = new DurableSender({ link, maxFrameBytes, ackTimeoutMs, reconnectTimeoutMs });
  let isClosed = false;
  let isUsed = false;
  /** The transport keeps the connection from its first use to its end. */
  const use = (): void => {
    if (isUsed) return;
    isUsed = true;
    link.hold();
  };
  let listenerCount = 0;

  const transport: Transport = {
    schemes: ["nats"],
    async send(url, text, wait) {
      const { subject, isDurable } = addressOf(url, authority);
      return waitFor<Acknowledgement>(`send to nats://${authority}/${subject}`, wait, (resolve, reject) => {
        if (isClosed) {
          reject(closedError());
          return;
        }
        use();
        if (isDurable) {
          const given = new AbortController();
          durableSender.send(subject, text, given.signal).then(() => { resolve({ error: "", keepAlive: true, reply: false, cancel: false }); }, reject);
          return () => { given.abort(); };
        }
        const message = new SentText(text, resolve, reject);
        caller.submit(subject, url, message);
        return () => { message.isSettled = true; };
      });
    },
    call(url, message) {
      let address: Address;
      try {
        address = addressOf(url, authority);
      } catch (error) {
        message.failed(error as AcommError);
        return;
      }
      if (isClosed) {
        message.failed(closedError());
        return;
      }
      use();
      if (address.isDurable) durableSender.call(address.subject, message);
      else caller.submit(address.subject, url, message);
    },
    async openStream(url, { signal, timeoutMs = defaultStreamTimeoutMs, idleTimeoutMs = 60_000 }) {
      if (isClosed) throw closedError();
      use();
      const { subject } = addressOf(url, authority);
      return streams.open({ subject, signal, timeoutMs, idleTimeoutMs, doing: `read the stream nats://${authority}/${subject}` });
    },
    async probe(url) {
      const { subject, isDurable } = addressOf(url, authority);
      if (isClosed) throw closedError();
      if (isDurable) throw new AcommError("bad_address", "a durable address takes messages whether somebody listens or not");
      use();
      try {
        const connection = await link.open();
        await connection.request(subject, nothing, { timeout: connectTimeoutMs, headers: encodeControl({ word: "alive" }) });
        return true;
      } catch (error) {
        if (isNoResponders(error)) return false;
        throw translateNatsError(error, `look who listens at nats://${authority}/${subject}`);
      }
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      durableSender.close(closedError());
      caller.close(closedError());
      if (isUsed) await link.release();
    },
  };

  const close = async (): Promise<void> => {
    await services.close();
    streams.close(closedError());
    await transport.close();
  };

  return {
    transport,
    createListener(subject, { queueGroup = defaultQueueGroup, durable = false, ...limits } = {}) {
      listenerCount += 1;
      const common = {
        maxBufferedBytes,
        ...limits,
        link,
        subject: checkSubject(subject ?? `${link.inbox}.h.${listenerCount}`),
        maxFrameBytes: checkCount(limits.maxFrameBytes ?? maxFrameBytes, "maxFrameBytes"),
      };
      if (durable === false) return createListener({ ...common, longMessages, queueGroup: checkSubject(queueGroup) });
      if (subject === undefined) throw new AcommError("bad_field", "subject: a durable listener needs one that it has again after a restart");
      const { duplicateWindowMs = 120_000, ackWaitMs = 30_000, maxDeliveries = 20, maxInFlight = 1000 } = durable === true ? {} : durable;
      return createDurableListener({
        ...common,
        duplicateWindowMs: checkTimeoutMs(duplicateWindowMs, "duplicateWindowMs"),
        ackWaitMs: checkTimeoutMs(ackWaitMs, "ackWaitMs"),
        maxDeliveries: checkCount(maxDeliveries, "maxDeliveries"),
        maxInFlight: checkCount(maxInFlight, "maxInFlight"),
      });
    },
    urlOf: (subject) => urlOf(authority, { subject: checkSubject(subject), isDurable: false }),
    serveStream: (source, served) => streams.serveStream(source, served),
    announce: (service) => services.announce(service),
    discover: (look) => services.discover(look),
    watch: (onChange) => services.watch(onChange),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function closedError(): AcommError {
  return new AcommError("stopping", "the transport is closed: it sends no more", { retryable: false });
}
