import type { AcommError } from "@acomm/protocol";
import type { LazyStreamSource, ServedStream, ServedStreamOptions, StreamServer } from "@acomm/transport";
import { cancelledError, checkTimeoutMs } from "@acomm/transport";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { decodeControl, encodeControl, isNobodyThere, replyOf } from "./control.ts";
import type { Control } from "./control.ts";
import type { Link, LinkWatcher } from "./link.ts";
import { StreamIntake } from "./stream-intake.ts";
import { StreamOutlet } from "./stream-outlet.ts";
import { urlOf } from "./subjects.ts";

/** How a stream is opened by its subject. */
export interface IntakeOptions {
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
  /** How long the writer may take to say that it is there, in milliseconds. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly doing: string;
}

const nothing = Buffer.alloc(0);

/**
 * The streams of a network: those that it serves, each at a subject of its own, and those that it reads, each with a subject that
 * the parts come to.
 */
export class Streams implements StreamServer, LinkWatcher {
  readonly #link: Link;
  readonly #outlets = new Map<string, StreamOutlet>();
  readonly #intakes = new Map<string, StreamIntake>();
  #subscribed: NatsConnection | undefined;
  #number = 0;

  constructor(link: Link) {
    this.#link = link;
    link.watch(this);
  }

  /** Serves a source at a subject of its own, whose URL it gives. */
  async serveStream(source: LazyStreamSource, options: ServedStreamOptions = {}): Promise<ServedStream> {
    const { subject, outlet } = await this.serve(source, options);
    return {
      url: urlOf(this.#link.authority, { subject, isDurable: false }),
      done: outlet.done,
      cancel: () => { outlet.cancel(); },
    };
  }

  /** Serves a source to the first who opens it. @throws `unavailable`, `bad_field` */
  async serve(source: LazyStreamSource, options: ServedStreamOptions = {}): Promise<{ readonly subject: string; readonly outlet: StreamOutlet }> {
    const openTimeoutMs = checkTimeoutMs(options.openTimeoutMs ?? 30_000, "openTimeoutMs");
    const idleTimeoutMs = checkTimeoutMs(options.idleTimeoutMs ?? 60_000, "idleTimeoutMs");
    await this.#begin();
    const name = this.#nextName();
    const subject = `${this.#link.inbox}.s.${name}`;
    const outlet = new StreamOutlet(source, { link: this.#link, subject, openTimeoutMs, idleTimeoutMs });
    this.#outlets.set(name, outlet);
    outlet.done.catch(() => undefined).finally(() => {
      this.#outlets.delete(name);
      void this.#link.release();
    });
    return { subject, outlet };
  }

  /** Opens the stream of a subject. @throws `unavailable`, `timeout`, `cancelled` */
  async open({ subject, signal, timeoutMs, idleTimeoutMs, doing }: IntakeOptions): Promise<StreamIntake> {
    checkTimeoutMs(timeoutMs);
    checkTimeoutMs(idleTimeoutMs, "idleTimeoutMs");
    if (signal?.aborted === true) throw cancelledError(doing, signal);
    await this.#begin();
    const name = this.#nextName();
    const intake = new StreamIntake({ link: this.#link, subject, ownSubject: `${this.#link.inbox}.d.${name}`, signal, timeoutMs, idleTimeoutMs, doing });
    this.#intakes.set(name, intake);
    intake.once("close", () => {
      this.#intakes.delete(name);
      void this.#link.release();
    });
    intake.once("error", () => undefined); // it is told by opened, or by whoever reads
    await intake.opened;
    return intake;
  }

  /** Ends what is served and read, when the network is closed. */
  close(error: AcommError): void {
    for (const outlet of this.#outlets.values()) outlet.fail(error);
    for (const intake of this.#intakes.values()) intake.destroy(error);
  }

  linkDown(): void {
    for (const outlet of this.#outlets.values()) outlet.linkDown();
    for (const intake of this.#intakes.values()) intake.linkDown();
  }

  linkDrained(): void {
    for (const outlet of this.#outlets.values()) outlet.goOn();
  }

  /** Keeps the connection open and listens for what belongs to streams. */
  async #begin(): Promise<void> {
    this.#link.hold();
    try {
      const connection = await this.#link.open();
      if (this.#subscribed === connection) return;
      this.#subscribed = connection;
      const { inbox } = this.#link;
      connection.subscribe(`${inbox}.s.*`, { callback: (error, message) => { if (error === null) this.#toOutlet(message, inbox.length + 3); } });
      connection.subscribe(`${inbox}.d.*`, { callback: (error, message) => { if (error === null) this.#toIntake(message, inbox.length + 3); } });
    } catch (error) {
      void this.#link.release();
      throw error;
    }
  }

  #toOutlet(message: Msg, prefixLength: number): void {
    const outlet = this.#outlets.get(message.subject.slice(prefixLength));
    const control = controlOf(message);
    if (outlet !== undefined && control !== undefined) outlet.hear(control, replyOf(message));
    else if (control?.word === "open" && replyOf(message) !== "") this.#link.tell(replyOf(message), nothing, { headers: encodeControl({ word: "none" }) });
  }

  #toIntake(message: Msg, prefixLength: number): void {
    const control = controlOf(message);
    if (control !== undefined) this.#intakes.get(message.subject.slice(prefixLength))?.hear(control, message.data);
  }

  #nextName(): string {
    this.#number += 1;
    return `${this.#number}-${crypto.randomUUID()}`; // whoever knows it may read it
  }
}

/** A peer that is gone counts as one that cuts. */
function controlOf(message: Msg): Control | undefined {
  return isNobodyThere(message) ? { word: "bye" } : decodeControl(message);
}
