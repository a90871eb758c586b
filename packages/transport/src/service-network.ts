import type { AcommErrorCode, AcommUrl } from "@acomm/protocol";
import type { MessageListenerOptions } from "./message-listener.ts";
import type { Listener, StreamServer, Transport } from "./transport.ts";

/** What was asked of an endpoint so far. */
export interface EndpointCounts {
  /** Requests answered with a result. */
  readonly done: number;
  /** Requests answered with an error. */
  readonly failed: number;
  /** What they took in all. */
  readonly busyMs: number;
  /** Why the last one failed. @default it is not told */
  readonly lastFailure?: AcommErrorCode | undefined;
}

/** What an announced service does. */
export interface AnnouncedEndpoint {
  /** Such as the name of a task. */
  readonly name: string;
  /** Of a listener that only this service has. */
  readonly url: URL;
  /** Shared with others who do the same. @default none */
  readonly sharedUrl?: URL | undefined;
  /** What else it tells. @default nothing */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Its statistics. @default nothing was done */
  readonly counts?: (() => EndpointCounts) | undefined;
}

/** What a service tells of itself. */
export interface ServiceAnnouncement {
  /** Others may have it too. */
  readonly name: string;
  /** In a sentence. @default "" */
  readonly description?: string | undefined;
  /** Such as `1.2.3`. @default 0.0.0 */
  readonly version?: string | undefined;
  /** What else it tells. @default nothing */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Where it is asked for what. */
  readonly endpoints: readonly AnnouncedEndpoint[];
}

/** An announced service. */
export interface Announcement extends AsyncDisposable {
  /** Unique on the network. */
  readonly id: string;
  /** Tells nobody any more. Idempotent; failures are ignored. */
  withdraw(): Promise<void>;
}

/** An endpoint of a found service. */
export interface FoundEndpoint {
  /** Such as the name of a task. */
  readonly name: string;
  /** Leads to this one service. */
  readonly url: AcommUrl;
  /** What else it tells. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A service that has answered. What it says may be of anybody on the network. */
export interface FoundService {
  /** Others may have it too. */
  readonly name: string;
  /** Unique on the network. */
  readonly id: string;
  /** In a sentence; may be empty. */
  readonly description: string;
  /** What else it tells. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where it is asked for what. */
  readonly endpoints: readonly FoundEndpoint[];
}

/** How long to look for services. */
export interface DiscoverOptions {
  /** At most; less where no more answers are to be expected. @default 1000 */
  readonly waitMs?: number | undefined;
  /** Ends the wait with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/** A network of services on many machines. Providers and coordinators take any. */
export interface ServiceNetwork extends StreamServer, AsyncDisposable {
  /** Sends to its addresses. */
  readonly transport: Transport;
  /** At an address, by default one of its own. A message goes to one of those who listen there. @throws `bad_address`, `bad_field` */
  createListener(address?: string, options?: MessageListenerOptions): Listener;
  /** The URL of an address. @throws `bad_address` */
  urlOf(address: string): AcommUrl;
  /** From now on whoever looks finds it. @throws `bad_field`, `unavailable`, `stopping` */
  announce(service: ServiceAnnouncement): Promise<Announcement>;
  /** The services that answer. @throws `unavailable` without the network, `cancelled`, `stopping`, `bad_field` */
  discover(options?: DiscoverOptions): Promise<readonly FoundService[]>;
  /** Calls back when services may have come or gone: look again. Not every change is told. */
  watch(onChange: () => void): Disposable;
  /** Closes the transport, withdraws announcements and cuts streams. Who has started listeners stops them. */
  close(): Promise<void>;
}
