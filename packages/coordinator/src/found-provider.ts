import type { ProviderSocket } from "@acomm/tracker";

/**
 * `new`: nobody knows yet whether somebody listens. `ready`: it may be asked. `aside`: it failed and is looked at again later.
 * `gone`: its socket file is there no more.
 */
export type ProviderState = "new" | "ready" | "aside" | "gone";

/** The pauses before a provider that failed is looked at again, in milliseconds: the first one, and how long they get. */
export const firstPauseMs = 100;
export const maxPauseMs = 5000;

/** What is known of a provider on another machine before anybody asks it. */
export interface FoundElsewhere {
  /** The machine, as it names itself. */
  readonly host: string;
  readonly isIdempotent: boolean;
}

/** One provider of a task: one socket file, or one process on a network. A file that replaces it is another provider. */
export class FoundProvider {
  readonly provider: string;
  readonly priority: number;
  /** Leads to it alone. */
  readonly url: string;
  /** What tells it from the ones before it. */
  readonly identity: string;
  /** The machine that it is on; undefined for one of the socket directory. */
  readonly host: string | undefined;
  state: ProviderState = "new";
  /** Whether it was set aside because it doesn't acknowledge: it is not dead, so it is asked where there is nobody else. */
  isSilent = false;
  /** How long it is left alone after its next failure, in milliseconds. */
  pauseMs: number = firstPauseMs;
  /** Whether somebody is finding out if it acknowledges. */
  isSuspected = false;
  inFlight = 0;
  done = 0;
  failed = 0;
  /** Whether its task may run twice, once somebody has asked. */
  isIdempotent: Promise<boolean> | undefined;

  constructor({ provider, priority }: Omit<ProviderSocket, "task">, url: string, identity: string, elsewhere?: FoundElsewhere) {
    this.provider = provider;
    this.priority = priority;
    this.url = url;
    this.identity = identity;
    this.host = elsewhere?.host;
    if (elsewhere !== undefined) this.isIdempotent = Promise.resolve(elsewhere.isIdempotent);
  }

  /** Whether sockets of this machine are out of its reach. */
  get isElsewhere(): boolean {
    return this.host !== undefined;
  }
}
