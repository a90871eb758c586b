import type { AcommErrorCode, AcommUrl } from "@acomm/protocol";
import type { MessageListenerOptions } from "./message-listener.ts";
import type { Listener, StreamServer, Transport } from "./transport.ts";

/** How often an endpoint was asked since it stands there. */
export interface EndpointCounts {
  /** How many requests were answered with a result. */
  readonly done: number;
  /** How many were answered with an error. */
  readonly failed: number;
  /** How long its requests took in all, in milliseconds. */
  readonly busyMs: number;
  /** Why the last of those that failed did. @default it is not told */
  readonly lastFailure?: AcommErrorCode | undefined;
}

/** One endpoint of a service that announces itself. */
export interface AnnouncedEndpoint {
  /** What is done there, such as the name of a task. */
  readonly name: string;
  /** The address of a listener that only this service has. */
  readonly url: URL;
  /** The address that it shares with others who do the same. @default none */
  readonly sharedUrl?: URL | undefined;
  /** What else it tells. @default nothing */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** What it says when it is asked for statistics. @default nothing was done */
  readonly counts?: (() => EndpointCounts) | undefined;
}

/** What a service tells of itself. */
export interface ServiceAnnouncement {
  /** Several may have the same name. */
  readonly name: string;
  /** What it is, in a sentence. @default "" */
  readonly description?: string | undefined;
  /** Of the service, as `1.2.3`. @default 0.0.0 */
  readonly version?: string | undefined;
  /** What else it tells. @default nothing */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Where it is asked for what. */
  readonly endpoints: readonly AnnouncedEndpoint[];
}

/** What a service has announced, until it is withdrawn. */
export interface Announcement extends AsyncDisposable {
  /** Names this very service among all that are there. */
  readonly id: string;
  /** Tells nobody any more. Idempotent; what goes wrong is of no use to anybody. */
  withdraw(): Promise<void>;
}

/** An endpoint of a service that was found. */
export interface FoundEndpoint {
  /** What is done there, such as the name of a task. */
  readonly name: string;
  /** Leads to this one service. */
  readonly url: AcommUrl;
  /** What else it tells. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A service that was found: it has answered. What it says is its own word, and may be of anybody who is on the network. */
export interface FoundService {
  /** Several may have the same name. */
  readonly name: string;
  /** Names this very service among all that are there. */
  readonly id: string;
  /** What it is, in a sentence; may be empty. */
  readonly description: string;
  /** What else it tells. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where it is asked for what. */
  readonly endpoints: readonly FoundEndpoint[];
}

/** How long to look for services. */
export interface DiscoverOptions {
  /** How long to wait for answers at most, in milliseconds; it ends earlier where no more are to be expected. @default 1000 */
  readonly waitMs?: number | undefined;
  /** Ends the wait with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A network that services of many machines are on: how to reach them, where to be reached, and who is there. A provider and a
 * coordinator take any.
 */
export interface ServiceNetwork extends StreamServer, AsyncDisposable {
  /** Sends to the addresses of the network. */
  readonly transport: Transport;
  /** A listener at an address, by default one of its own. What comes to an address goes to one of those who listen there. @throws AcommError `bad_address`, `bad_field` */
  createListener(address?: string, options?: MessageListenerOptions): Listener;
  /** The URL of an address. @throws AcommError `bad_address` */
  urlOf(address: string): AcommUrl;
  /** Answers for a service to whoever looks for services. @throws AcommError `bad_field`, `unavailable`, `stopping` */
  announce(service: ServiceAnnouncement): Promise<Announcement>;
  /** The services that have answered. @throws AcommError `unavailable` where the network is not there, `cancelled`, `stopping`, `bad_field` */
  discover(options?: DiscoverOptions): Promise<readonly FoundService[]>;
  /** Calls back when services may have come or gone: reason to look again. Not every change is told. */
  watch(onChange: () => void): Disposable;
  /** Closes the transport, withdraws what was announced and cuts the streams. Listeners are stopped by who has started them. */
  close(): Promise<void>;
}
