import { AcommError } from "@acomm/protocol";
import type { Announcement, DiscoverOptions, FoundService, ServiceAnnouncement } from "@acomm/transport";
import { checkTimeoutMs, report, waitFor } from "@acomm/transport";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { randomUUID } from "node:crypto";
import { isNobodyThere, replyOf } from "./control.ts";
import type { Link, LinkWatcher } from "./link.ts";
import { readService, ServiceRecord, verbs, verbSubject } from "./service-api.ts";
import type { Verb } from "./service-api.ts";

/** Where it is told that a service has come or gone. The API itself has nothing for it. */
const changesSubject = "acomm.services";
/** How long after an answer another one is awaited, in milliseconds. */
const quietMs = 250;
/** How much is kept of what answers, whoever sends it: services, and bytes of what they say. */
const maxServices = 10_000;
const maxBytes = 64 * 1024 * 1024;

const nothing = Buffer.alloc(0);

/** The services on a network: those of this process answer, and those of all can be found, by the service API of NATS. */
export class Services {
  readonly #link: Link;
  #isClosed = false;
  readonly #announced = new Set<Announcement>();
  readonly #looks = new Set<AbortController>();
  #lookCount = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  async announce(service: ServiceAnnouncement): Promise<Announcement> {
    this.#checkOpen();
    const link = this.#link;
    const id = randomUUID();
    const record = new ServiceRecord(service, id, link.authority);
    link.hold();
    const subscriptions: Subscription[] = [];
    try {
      const connection = await link.open();
      if (!link.isUp) throw new AcommError("unavailable", `no connection to nats://${link.authority}: nobody can be told of ${service.name}`);
      const longest = record.longestBytes;
      if (longest > link.maxPayloadBytes) throw new AcommError("bad_field", `endpoints: what the service tells of itself may have ${longest} bytes, and the server takes ${link.maxPayloadBytes}: announce fewer of them, or raise max_payload`);
      const subscribe = (verb: Verb, ...path: readonly string[]): void => {
        subscriptions.push(connection.subscribe(verbSubject(verb, ...path), { callback: (error, message) => { if (error === null) this.#answer(message, () => record.answer(verb)); } }));
      };
      for (const verb of verbs) {
        subscribe(verb);
        subscribe(verb, record.name);
        subscribe(verb, record.name, id);
      }
      await link.flush(); // from now on it is found
      this.#checkOpen(); // it may have been closed meanwhile, and did not know of this one
    } catch (error) {
      for (const subscription of subscriptions) subscription.unsubscribe();
      void link.release();
      throw error;
    }
    link.tell(changesSubject, nothing);
    let withdrawn: Promise<void> | undefined;
    const withdraw = (): Promise<void> => {
      withdrawn ??= (async () => {
        this.#announced.delete(announcement);
        for (const subscription of subscriptions) subscription.unsubscribe();
        link.tell(changesSubject, nothing);
        await link.release();
      })();
      return withdrawn;
    };
    const announcement: Announcement = { id, withdraw, [Symbol.asyncDispose]: withdraw };
    this.#announced.add(announcement);
    return announcement;
  }

  async discover(options: DiscoverOptions = {}): Promise<readonly FoundService[]> {
    this.#checkOpen();
    const waitMs = checkTimeoutMs(options.waitMs ?? 1000, "waitMs");
    const { signal } = options;
    const link = this.#link;
    const ended = new AbortController();
    this.#looks.add(ended);
    link.hold();
    try {
      return await this.#look(waitMs, signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]));
    } finally {
      this.#looks.delete(ended);
      await link.release();
    }
  }

  watch(onChange: () => void): Disposable {
    this.#checkOpen();
    const link = this.#link;
    const tell = (): void => {
      try {
        onChange();
      } catch (cause) {
        report(undefined, new AcommError("remote", "what watches for services has thrown", { cause }));
      }
    };
    let subscription: Subscription | undefined;
    let isOver = false;
    const subscribe = (): void => {
      link.open().then(
        (connection) => {
          if (isOver || subscription !== undefined) return;
          subscription = connection.subscribe(changesSubject, { callback: (error) => { if (error === null) tell(); } });
          tell(); // what was told before was not heard
        },
        () => undefined, // whoever looks hears why, and the way is looked for again then
      );
    };
    const watcher: LinkWatcher = {
      linkUp() {
        if (subscription === undefined) subscribe();
        else tell(); // the library has subscribed again
      },
      linkDown: onChange, // nobody can be reached
    };
    link.hold();
    link.watch(watcher);
    subscribe();
    return {
      [Symbol.dispose]() {
        if (isOver) return;
        isOver = true;
        subscription?.unsubscribe();
        link.unwatch(watcher);
        void link.release();
      },
    };
  }

  /** Withdraws what is announced, and ends the looks that are under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const look of this.#looks) look.abort(closedError());
    await Promise.all([...this.#announced].map((announcement) => announcement.withdraw()));
  }

  async #look(waitMs: number, signal: AbortSignal): Promise<readonly FoundService[]> {
    const link = this.#link;
    const connection = await link.open();
    const found = new Map<string, FoundService>();
    this.#lookCount += 1;
    const inbox = `${link.inbox}.d.${this.#lookCount}`;
    await waitFor<undefined>("look for services", { signal }, (resolve, reject) => {
      let bytes = 0;
      let quietTimer: NodeJS.Timeout | undefined;
      const end = (): void => {
        clearTimeout(timer);
        clearTimeout(quietTimer);
        subscription.unsubscribe();
        resolve(undefined);
      };
      const timer = setTimeout(end, waitMs);
      const subscription = connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return;
          bytes += message.data.length;
          if (isNobodyThere(message) || found.size >= maxServices || bytes > maxBytes) {
            end();
            return;
          }
          const service = readService(message.data, link.authority);
          if (service !== undefined) found.set(service.id, service);
          if (quietTimer === undefined) quietTimer = setTimeout(end, quietMs);
          else quietTimer.refresh();
        },
      });
      try {
        link.publish(verbSubject("INFO"), nothing, { reply: inbox });
      } catch (error) {
        reject(error as Error);
        end();
      }
      return end;
    });
    if (!link.isUp) throw new AcommError("unavailable", `the connection to nats://${link.authority} broke while services were looked for`);
    return [...found.values()];
  }

  #answer(message: Msg, textOfAnswer: () => string): void {
    const reply = replyOf(message);
    if (reply === "") return;
    try {
      this.#link.tell(reply, Buffer.from(textOfAnswer()));
    } catch (cause) {
      // thrown on into the client library it would end the connection for everybody
      report(undefined, new AcommError("remote", "what a service counts could not be told", { cause }));
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

function closedError(): AcommError {
  return new AcommError("stopping", "the network is closed: make a new one", { retryable: false });
}
